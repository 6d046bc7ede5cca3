//! Words that say that something is not finished.

use super::finding::Finding;
use super::source::Source;

/// Each is written in two parts, so that this file does not contain it.
const FORBIDDEN: [&str; 5] = [
    concat!("to", "do!"),
    concat!("un", "implemented!"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("#[", "ignore"),
];

/// Looks for the words in every line of a file, comments and tests included.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().zip(1..);
    let found = lines.flat_map(|(text, line)| {
        let words = FORBIDDEN.iter().filter(move |word| text.contains(**word));
        words.map(move |word| {
            Finding::error(source.at(line), format!("`{word}`: finish it, or say in an issue what is left"))
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_word_with_its_line() {
        for word in FORBIDDEN {
            let source = Source { path: "a.rs".to_owned(), text: format!("fn a() {{}}\n    {word}] // x\n") };
            let places: Vec<String> = check(&source).into_iter().map(|finding| finding.place).collect();
            assert_eq!(places, ["a.rs:2"], "{word}");
        }
    }

    #[test]
    fn ordinary_words_pass() {
        let text = "// nothing to do here, ignore it\n#[expect(dead_code)]\n".to_owned();
        assert_eq!(check(&Source { path: "a.rs".to_owned(), text }), []);
    }
}
