//! The format of `.env` files: a variable a line, as shells would set them.

/// Lists the variables that a text sets, with their lines from 1. Of one that is set twice the last value counts, as
/// in a shell; so callers collect into maps. What is no assignment is left to the tools that understand it.
pub(super) fn variables(text: &str) -> Vec<(usize, String, String)> {
    let read = |(index, line): (usize, &str)| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let name = name.trim_end();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| (index + 1, name.to_owned(), unquoted(value.trim_start())))
    };
    text.lines().enumerate().filter_map(read).collect()
}

/// Takes quotes off a value, or the comment behind it.
fn unquoted(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote).filter(|rest| rest.contains(quote));
    if let Some(rest) = quoted('\'') {
        return rest.split('\'').next().unwrap_or_default().to_owned();
    }
    if let Some(rest) = quoted('"') {
        return escaped(rest);
    }
    let comment = value.find(" #").or_else(|| value.starts_with('#').then_some(0));
    value.get(..comment.unwrap_or(value.len())).unwrap_or(value).trim_end().to_owned()
}

/// Reads up to a quotation mark that no backslash stands before.
fn escaped(text: &str) -> String {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                other => value.extend(other),
            },
            letter => value.push(letter),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_a_shell_would() {
        for (line, value) in [
            ("A=b", Some("b")),
            ("  export A = b c ", Some("b c")),
            ("A=b # a comment", Some("b")),
            ("A=b#c", Some("b#c")),
            ("A=#c", Some("")),
            ("A='b # \"c\"' # d", Some("b # \"c\"")),
            (r#"A="b \"c\" \\ \n" # d"#, Some("b \"c\" \\ \n")),
            ("A=\"b", Some("\"b")),
            ("A=", Some("")),
            ("# A=b", None),
            ("A", None),
            ("=b", None),
            ("A B=c", None),
        ] {
            let read: Vec<_> = variables(line).into_iter().map(|(line, _, value)| (line, value)).collect();
            assert_eq!(read, Vec::from_iter(value.map(|value| (1, value.to_owned()))), "{line}");
        }
        assert_eq!(variables("\nA=1\r\nB=2\n").iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 3]);
    }
}
