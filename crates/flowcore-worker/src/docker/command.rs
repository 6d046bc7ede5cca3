//! Commands as lists of words: an image may have no shell that would split them.

/// Splits a command at blanks as a shell does, with quotes and backslashes and nothing else.
pub(super) fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("the command `{command}` has a {quote} without its counterpart"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        let split = |command: &str| words(command).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(split("  prefect flow-run\texecute "), ["prefect", "flow-run", "execute"]);
        assert_eq!(split(r#"sh -c 'echo "a  b"' "" x\ y "q\"r""#), ["sh", "-c", r#"echo "a  b""#, "", "x y", "q\"r"]);
        assert!(words("sh -c 'open").is_err_and(|why| why.contains('\'')));
    }
}
