//! The length of files: one that grew too long holds more than one subject.

use super::finding::Finding;
use super::source::Source;

/// Above this, a file should be divided.
const LONG: usize = 400;
/// Above this, a file must be divided.
const TOO_LONG: usize = 500;
/// Above this, a file of tests must be divided. Cases in a row are easier to read than code.
const TOO_LONG_TESTS: usize = 700;

/// Checks the number of lines of one file.
pub(super) fn check(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let limit = if source.is_test() { TOO_LONG_TESTS } else { TOO_LONG };
    if lines > limit {
        let message = format!("{lines} lines, at most {limit} are allowed: divide it by subject");
        Some(Finding::error(&source.path, message))
    } else if lines > LONG && !source.is_test() {
        Some(Finding::warning(&source.path, format!("{lines} lines, more than {LONG}: divide it by subject soon")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn severity(path: &str, lines: usize) -> Option<Severity> {
        check(&Source { path: path.to_owned(), text: "x\n".repeat(lines) }).map(|finding| finding.severity)
    }

    #[test]
    fn limits_are_inclusive_and_tests_have_their_own() {
        assert_eq!(severity("src/a.rs", 400), None);
        assert_eq!(severity("src/a.rs", 401), Some(Severity::Warning));
        assert_eq!(severity("src/a.rs", 500), Some(Severity::Warning));
        assert_eq!(severity("src/a.rs", 501), Some(Severity::Error));
        assert_eq!(severity("src/tests.rs", 700), None);
        assert_eq!(severity("src/tests.rs", 701), Some(Severity::Error));
    }
}
