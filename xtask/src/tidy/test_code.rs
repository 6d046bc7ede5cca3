//! Leaving out what is compiled for tests only.

use super::lexer::Token;

/// Words with which an item starts, as opposed to a field, an argument or an arm, which ends at a comma.
const ITEMS: [&str; 15] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "union",
    "use",
];

/// Removes every item under `#[cfg(test)]` or `#[cfg(all(test, ..))]`, and everything when the file starts with such
/// an attribute for itself.
pub(super) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = tokens.get(at..).unwrap_or(&[]);
        if starts(rest, &["#", "!", "["]) && is_test_condition(rest.get(3..)) {
            return Vec::new();
        }
        if starts(rest, &["#", "["]) && is_test_condition(rest.get(2..)) {
            at += item(rest);
        } else {
            kept.extend(rest.first());
            at += 1;
        }
    }
    kept
}

fn starts(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

fn is_test_condition(attribute: Option<&[Token<'_>]>) -> bool {
    let attribute = attribute.unwrap_or(&[]);
    starts(attribute, &["cfg", "(", "test", ")"]) || starts(attribute, &["cfg", "(", "all", "(", "test", ","])
}

/// Counts the tokens of an item, with its attributes.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| token.text == "#") {
        at += 1 + group(tokens.get(at + 1..).unwrap_or(&[]));
    }
    let first = tokens.get(at).map_or("", |token| token.text);
    let (is_item, is_use) = (ITEMS.contains(&first), first == "use" || first == "pub" && has_use(tokens.get(at..)));
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            // The item was the last thing in a block.
            "}" | ")" | "]" => return at,
            "{" if !is_use => return at + group(tokens.get(at..).unwrap_or(&[])),
            "{" | "(" | "[" => at += group(tokens.get(at..).unwrap_or(&[])),
            _ => at += 1,
        }
    }
    at
}

/// Tells whether `use` comes before the end of a public item's head, as in `pub(crate) use`.
fn has_use(tokens: Option<&[Token<'_>]>) -> bool {
    let mut words = tokens.unwrap_or(&[]).iter().map(|token| token.text);
    words.find(|text| ["use", "{", ";", "fn", "mod"].contains(text)) == Some("use")
}

/// Counts the tokens of a bracketed group, with its brackets.
fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;

    fn kept(source: &str) -> String {
        let tokens = lexer::tokens(source);
        without_tests(&tokens).iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn test_items_are_left_out() {
        assert_eq!(kept("a; #[cfg(test)] mod tests { use b; fn c() {} } d"), "a ; d");
        assert_eq!(kept("#[cfg(test)] mod tests; d"), "d");
        assert_eq!(kept("#[cfg(test)] use a::{b, c}; d"), "d");
        assert_eq!(kept("#[cfg(test)] pub(crate) use a::{b, c}; d"), "d");
        assert_eq!(kept("#[cfg(all(test, unix))] #[path = \"x\"] fn a<B, C>(b: B) -> C { c } d"), "d");
        assert_eq!(kept("struct A { #[cfg(test)] b: C, d: E }"), "struct A { d : E }");
        assert_eq!(kept("fn a() { #[cfg(test)] b() } c"), "fn a ( ) { } c");
        assert_eq!(kept("#![cfg(test)] a"), "");
    }

    #[test]
    fn what_is_also_compiled_otherwise_stays() {
        assert_eq!(kept("#[cfg(not(test))] a;"), "# [ cfg ( not ( test ) ) ] a ;");
        assert_eq!(kept("#[cfg(any(test, unix))] a;"), "# [ cfg ( any ( test , unix ) ) ] a ;");
    }
}
