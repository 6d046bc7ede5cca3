//! Crates that only one part of the library may name.

use super::finding::Finding;
use super::lexer;
use super::source::Source;
use super::test_code::without_tests;

/// A crate, and the module of the library that hides it from the others.
const CONFINED: &[(&str, &[&str])] = &[
    // The driver's types stay behind the store's traits.
    ("sqlx", &["store", "sql"]),
];

/// Checks the words of one file of the library, without its tests.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let Some(module) = source.module().filter(|_| !source.is_test()) else {
        return Vec::new();
    };
    let tokens = without_tests(&lexer::tokens(&source.text));
    let strangers = CONFINED.iter().filter(|(_, home)| !module.starts_with(home)).flat_map(|(name, home)| {
        let message = format!("`{name}` may be named in `{}` only", home.join("::"));
        let found = tokens.iter().filter(|token| token.text == *name).map(|token| source.at(token.line));
        found.map(move |place| Finding::error(place, message.clone()))
    });
    strangers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_confined_crate_is_named_at_home_only() {
        let text = "// sqlx\nuse sqlx::Pool;\n#[cfg(test)] mod tests { use sqlx::Row; }";
        assert_eq!(places("crates/flowcore/src/store/memory.rs", text), ["crates/flowcore/src/store/memory.rs:2"]);
        assert_eq!(places("crates/flowcore/src/store/sql/mod.rs", text), Vec::<String>::new());
        assert_eq!(places("crates/flowcore/src/store/sql/rows.rs", text), Vec::<String>::new());
        assert_eq!(places("benches/main.rs", text), Vec::<String>::new());
    }
}
