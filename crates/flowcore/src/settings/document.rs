//! Settings files in TOML, read into keys with their lines.

use std::path::Path;

use super::layer::Report;
#[cfg(feature = "settings-files")]
use super::{error::SettingsProblem, value_file::because};

/// A settings file.
#[cfg_attr(not(feature = "settings-files"), expect(dead_code, reason = "only what reads files makes all of them"))]
pub(super) enum Document {
    /// There is none.
    Absent,
    /// There is one and it could not be used, which was reported.
    Unusable,
    /// What stands in it, in its order.
    Read(Vec<Entry>),
}

/// A key in a file with what it holds. Tables are entries, and so is what is in them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key, behind the keys of the tables that it is in.
    pub(super) path: Vec<String>,
    /// The line of the key, from 1.
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a key holds.
#[cfg_attr(not(feature = "settings-files"), expect(dead_code, reason = "only what reads files makes contents"))]
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A text, a number, true or false, or a list of those with commas between them, as a variable would hold it.
    Text(String),
    Table,
    /// What no setting is made of.
    Odd,
}

/// Reads a file if it is there.
#[cfg(feature = "settings-files")]
pub(super) fn read(file: &Path, report: &mut Report) -> Document {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Document::Absent;
        }
        Err(error) => {
            report.problems.push(SettingsProblem::File { file: file.to_owned(), reason: because(&error) });
            return Document::Unusable;
        }
    };
    match toml::entries(&text) {
        Ok(entries) => Document::Read(entries),
        Err((line, column, reason)) => {
            report.problems.push(SettingsProblem::Syntax { file: file.to_owned(), line, column, reason });
            Document::Unusable
        }
    }
}

/// Says that a file is not read if it is there.
#[cfg(not(feature = "settings-files"))]
pub(super) fn read(file: &Path, report: &mut Report) -> Document {
    if !file.exists() {
        return Document::Absent;
    }
    report.warnings.push(super::warning::SettingsWarning::FileIgnored { file: file.to_owned() });
    Document::Unusable
}

#[cfg(all(test, not(feature = "settings-files")))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use crate::settings::Settings;

    #[test]
    fn without_the_feature_files_are_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let load = || {
            let variables = [
                ("FLOWCORE_HOME", folder.path()),
                ("FLOWCORE_DATABASE_URL", Path::new("memory:")),
                ("FLOWCORE_RESULT_STORAGE", Path::new("memory:")),
            ];
            Settings::builder().environment(variables).folder(folder.path()).load().unwrap()
        };
        assert_eq!(load().warnings(), []);
        for name in ["flowcore.toml", "profiles.toml"] {
            std::fs::write(folder.path().join(name), "task_limit = 1").unwrap();
        }
        let settings = load();
        let warnings: Vec<String> = settings.warnings().iter().map(ToString::to_string).collect();
        assert!(
            warnings.len() == 2 && warnings.iter().all(|warning| warning.contains("settings-files")),
            "{warnings:?}"
        );
        assert_eq!(settings.task_limit, 256);
    }
}

#[cfg(feature = "settings-files")]
mod toml {
    use toml_span::value::{Table, ValueInner};

    use super::{Content, Entry};

    /// Lists what stands in a text, or says at which line and column it breaks TOML's rules, and how.
    pub(super) fn entries(text: &str) -> Result<Vec<Entry>, (usize, usize, String)> {
        // Some editors on Windows begin files with this mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = toml_span::parse(text).map_err(|error| {
            let (line, column) = position(text, error.span.start);
            (line, column, error.to_string())
        })?;
        let mut entries = Vec::new();
        if let Some(table) = root.as_table() {
            flatten(table, &[], text, &mut entries);
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(entries)
    }

    fn flatten(table: &Table<'_>, above: &[String], text: &str, entries: &mut Vec<Entry>) {
        for (key, value) in table {
            let path: Vec<String> = above.iter().cloned().chain([key.name.to_string()]).collect();
            let content = match value.as_ref() {
                ValueInner::Table(_) => Content::Table,
                ValueInner::Array(items) => {
                    let items: Option<Vec<String>> = items.iter().map(|item| plain(item.as_ref())).collect();
                    items.map_or(Content::Odd, |items| Content::Text(items.join(",")))
                }
                value => plain(value).map_or(Content::Odd, Content::Text),
            };
            entries.push(Entry { path: path.clone(), line: position(text, key.span.start).0, content });
            if let ValueInner::Table(table) = value.as_ref() {
                flatten(table, &path, text, entries);
            }
        }
    }

    fn plain(value: &ValueInner<'_>) -> Option<String> {
        match value {
            ValueInner::String(text) => Some(text.to_string()),
            ValueInner::Integer(number) => Some(number.to_string()),
            ValueInner::Float(number) => Some(number.to_string()),
            ValueInner::Boolean(flag) => Some(flag.to_string()),
            ValueInner::Array(_) | ValueInner::Table(_) => None,
        }
    }

    /// Counts lines and columns, both from 1, up to a byte.
    fn position(text: &str, byte: usize) -> (usize, usize) {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    #[cfg(test)]
    mod tests {
        #![expect(clippy::unwrap_used, reason = "tests")]

        use super::*;

        #[test]
        fn every_way_to_write_a_key_is_read_with_its_line() {
            let text = "\u{feff}# A comment.\r\ntask_limit = 8\r\nlogging.level = \"DEBUG\"\n\n[s3]\nallow_http = true\n\
                        region = \"\"\"\n  far\"\"\"\n[a]\nb = { c = 1.5 }\nlist = ['x', 2]\ntables = [{}]\n";
            let lines: Vec<String> = entries(text)
                .unwrap()
                .into_iter()
                .map(|entry| format!("{} {} {:?}", entry.line, entry.path.join("."), entry.content))
                .collect();
            assert_eq!(
                lines,
                [
                    "2 task_limit Text(\"8\")",
                    "3 logging Table",
                    "3 logging.level Text(\"DEBUG\")",
                    "5 s3 Table",
                    "6 s3.allow_http Text(\"true\")",
                    "7 s3.region Text(\"  far\")",
                    "9 a Table",
                    "10 a.b Table",
                    "10 a.b.c Text(\"1.5\")",
                    "11 a.list Text(\"x,2\")",
                    "12 a.tables Odd",
                ]
            );
        }

        #[test]
        fn a_mistake_is_told_with_its_place() {
            for (text, place) in
                [("a = 1\nb = = 2", (2, 5)), ("a = 1\n[b\n", (2, 3)), ("a = 1\na = 2\n", (2, 1)), ("ä = 1", (1, 1))]
            {
                let (line, column, reason) = entries(text).unwrap_err();
                assert_eq!((line, column), place, "{text} {reason}");
                assert!(!reason.is_empty());
            }
        }
    }
}
