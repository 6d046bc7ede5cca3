//! Splitting Rust source into words and punctuation, without comments.
//!
//! Only as exact as finding paths needs: a literal becomes one token without its content, a number is like a word, and
//! all punctuation is single characters except `::`.

/// One word, literal or punctuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// The line, from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    /// Tells whether this is an identifier or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Stands for a string or a character.
const LITERAL: &str = "\"";

/// Splits source into tokens. Source that does not compile gives tokens that mean nothing, but no panic.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(c) = lexer.rest().chars().next() {
        let line = lexer.line;
        let text = match c {
            c if c.is_whitespace() => {
                lexer.skip(c.len_utf8());
                continue;
            }
            _ if lexer.comment() => continue,
            _ if lexer.literal() => LITERAL,
            c if is_word(c) => lexer.word(),
            _ if lexer.rest().starts_with("::") => lexer.skip(2),
            c => lexer.skip(c.len_utf8()),
        };
        tokens.push(Token { text, line });
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or("")
    }

    /// Moves on by some bytes, or to the end, and returns what was passed.
    fn skip(&mut self, bytes: usize) -> &'a str {
        let rest = self.rest();
        let passed = rest.get(..bytes).unwrap_or(rest);
        self.line += passed.matches('\n').count();
        self.at += passed.len();
        passed
    }

    /// Moves on behind a piece of text, or to the end.
    fn skip_past(&mut self, text: &str) {
        let rest = self.rest();
        self.skip(rest.find(text).map_or(rest.len(), |at| at + text.len()));
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        // The name is what counts in `r#name`.
        if let Some(raw) = rest.strip_prefix("r#")
            && raw.starts_with(is_word)
        {
            self.skip(2);
        }
        let rest = self.rest();
        self.skip(rest.find(|c| !is_word(c)).unwrap_or(rest.len()))
    }

    /// Skips a comment, if there is one here.
    fn comment(&mut self) -> bool {
        if self.rest().starts_with("//") {
            self.skip_past("\n");
            return true;
        }
        if !self.rest().starts_with("/*") {
            return false;
        }
        let mut depth = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else {
                self.skip(rest.chars().next().map_or(0, char::len_utf8));
            }
            if depth == 0 || self.rest().is_empty() {
                return true;
            }
        }
    }

    /// Skips a string or a character, if there is one here.
    fn literal(&mut self) -> bool {
        let rest = self.rest();
        let unprefixed = rest.trim_start_matches(['b', 'c']);
        let prefix = rest.len() - unprefixed.len();
        if prefix <= 1 {
            let raw = unprefixed.strip_prefix('r').unwrap_or("");
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw.trim_start_matches('#').starts_with('"') {
                self.skip(prefix + 1 + hashes + 1);
                self.skip_past(&format!("\"{}", "#".repeat(hashes)));
                return true;
            }
            if unprefixed.starts_with('"') {
                self.skip(prefix);
                return self.quoted('"');
            }
        }
        let mut inside = unprefixed.strip_prefix('\'').unwrap_or("").chars();
        // A lifetime has a quote only in front.
        let is_character = matches!((inside.next(), inside.next()), (Some('\\'), _) | (Some(_), Some('\'')));
        if is_character && prefix <= 1 {
            self.skip(prefix);
            return self.quoted('\'');
        }
        false
    }

    /// Skips what stands between two quotes, with escapes.
    fn quoted(&mut self, quote: char) -> bool {
        let rest = self.rest();
        let mut inside = rest.char_indices().skip(1);
        let mut end = rest.len();
        while let Some((at, c)) = inside.next() {
            if c == '\\' {
                inside.next();
            } else if c == quote {
                end = at + 1;
                break;
            }
        }
        self.skip(end);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_gone_and_lines_are_right() {
        let source = "a // b\n/* c /* d\n */ e */ f /// crate::g\n::h";
        let found: Vec<_> = tokens(source).into_iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(found, [("a", 1), ("f", 3), ("::", 4), ("h", 4)]);
    }

    #[test]
    fn literals_hide_their_content() {
        assert_eq!(texts(r##"f("a\"b", r#"c " d"#, b"e", 'g', '\'', b'\\', "\\") h"##).join(" "), {
            "f ( \" , \" , \" , \" , \" , \" , \" ) h"
        });
        assert_eq!(texts(r#""" a "" b '"' c"#), ["\"", "a", "\"", "b", "\"", "c"]);
        assert_eq!(texts("\"two\nlines\" x"), ["\"", "x"]);
    }

    #[test]
    fn lifetimes_and_raw_names_are_not_literals() {
        assert_eq!(
            texts("&'a str 'x: r#type break bcr r"),
            ["&", "'", "a", "str", "'", "x", ":", "type", "break", "bcr", "r"]
        );
    }

    #[test]
    fn broken_source_does_not_panic() {
        for source in ["\"open", "'", "'\\", "r#\"open", "/* open", "b'", "é 'é' \"é"] {
            let _ = tokens(source);
        }
    }
}
