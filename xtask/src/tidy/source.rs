//! The Rust files of the workspace.

use std::fs;
use std::path::Path;

/// Where the sources of the library are, whose layers are checked.
pub(super) const LIBRARY: &str = "crates/flowcore/src/";

/// One Rust file.
pub(super) struct Source {
    /// The path from the root of the workspace, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Tells whether the whole file is test code: `tests.rs`, `something_tests.rs`, or anything in a folder `tests`.
    pub(super) fn is_test(&self) -> bool {
        let (folders, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        name == "tests.rs" || name.ends_with("_tests.rs") || folders.split('/').any(|folder| folder == "tests")
    }

    /// Names the module of the library that the file holds, as a path from the crate's root (empty for `lib.rs`), or
    /// none when the file is not part of the library.
    pub(super) fn module(&self) -> Option<Vec<&str>> {
        let mut parts: Vec<&str> = self.path.strip_prefix(LIBRARY)?.strip_suffix(".rs")?.split('/').collect();
        if parts.last() == Some(&"mod") || parts == ["lib"] {
            parts.pop();
        }
        Some(parts)
    }

    /// Writes a place in this file.
    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Reads every Rust file below a folder, except what is built (`target`) and hidden folders, in the order of paths.
pub(super) fn collect(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<(), String> {
    let fail = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (kind, path) = (entry.file_type().map_err(fail)?, format!("{prefix}{name}"));
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            walk(&entry.path(), &format!("{path}/"), sources)?;
        } else if kind.is_file() && name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).map_err(|error| format!("cannot read {path}: {error}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str) -> Source {
        Source { path: path.to_owned(), text: String::new() }
    }

    #[test]
    fn files_are_modules_of_the_library() {
        assert_eq!(source("crates/flowcore/src/store/sql/mod.rs").module(), Some(vec!["store", "sql"]));
        assert_eq!(source("crates/flowcore/src/clock.rs").module(), Some(vec!["clock"]));
        assert_eq!(source("crates/flowcore/src/lib.rs").module(), Some(vec![]));
        assert_eq!(source("crates/flowcore-cli/src/main.rs").module(), None);
    }

    #[test]
    fn test_files_are_known_by_name_and_folder() {
        for path in ["crates/flowcore/src/store/tests.rs", "tests/lib.rs", "crates/x/tests/a/b.rs", "src/rule_tests.rs"]
        {
            assert!(source(path).is_test(), "{path}");
        }
        for path in ["xtask/src/test.rs", "crates/flowcore/src/testing/mod.rs", "src/contests.rs"] {
            assert!(!source(path).is_test(), "{path}");
        }
    }
}
