//! What does no harm and is probably not meant.

use std::fmt;
use std::path::PathBuf;

use super::known;
use super::names::{find_variable, nearest_setting};

/// Something among the settings that changes nothing, or that nobody has asked for. Whoever loads settings should print it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsWarning {
    /// A variable begins with `FLOWCORE_` and sets nothing: usually a slip of the fingers.
    UnknownVariable {
        /// The variable.
        name: String,
        /// The known variable that it resembles most, if it resembles one.
        nearest: Option<&'static str>,
    },
    /// A key in a file sets nothing.
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The line of the key, from 1.
        line: usize,
        /// The key, with the tables that it is in.
        key: String,
        /// The known key that it resembles most, if it resembles one.
        nearest: Option<&'static str>,
    },
    /// A file is there that this build does not read.
    FileIgnored {
        /// The file.
        file: PathBuf,
    },
    /// Runs are lost with the process: this build has no database, and no other one was named.
    NothingKept,
    /// Large results are lost with the process: this build has no storage for them, and no other one was named.
    ResultsNotKept,
}

impl fmt::Display for SettingsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsWarning::UnknownVariable { name, nearest: Some(nearest) } => {
                write!(f, "{name} is not a setting and changes nothing: did you mean {nearest}?")
            }
            SettingsWarning::UnknownVariable { name, nearest: None } => {
                write!(f, "{name} is not a setting and changes nothing: unset it")
            }
            SettingsWarning::UnknownKey { file, line, key, nearest } => {
                write!(f, "{}:{line}: {key} is not a setting and changes nothing: ", file.display())?;
                match nearest {
                    Some(nearest) => write!(f, "did you mean {nearest}?"),
                    None => f.write_str("remove it"),
                }
            }
            SettingsWarning::FileIgnored { file } => write!(
                f,
                "{} is not read, since this program was built without flowcore's feature settings-files: add the \
                 feature, or set environment variables",
                file.display()
            ),
            SettingsWarning::NothingKept => f.write_str(
                "nothing is kept when this process ends, since this program was built without flowcore's feature sqlite: \
                 add the feature, or set FLOWCORE_DATABASE_URL (to memory: if that is meant)",
            ),
            SettingsWarning::ResultsNotKept => f.write_str(
                "large results are not kept when this process ends, since this program was built without flowcore's feature \
                 results: add the feature, or set FLOWCORE_RESULT_STORAGE (to memory: if that is meant)",
            ),
        }
    }
}

/// Picks out of the names of variables those that begin with `FLOWCORE_` and set nothing, sorted.
pub(super) fn unknown_variables<'a>(names: impl Iterator<Item = &'a str>) -> Vec<SettingsWarning> {
    let is_unknown =
        |name: &&str| name.starts_with("FLOWCORE_") && find_variable(name).is_none() && !known::is_internal(name);
    let mut unknown: Vec<&str> = names.filter(is_unknown).collect();
    unknown.sort_unstable();
    let warning =
        |name: &str| SettingsWarning::UnknownVariable { name: name.to_owned(), nearest: nearest_setting(name) };
    unknown.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn unknown_variables_are_told_from_known_and_internal_ones() {
        let names = [
            "FLOWCORE_TASK_LIMITS",
            "FLOWCORE_HOME",
            "FLOWCORE_HOME_FILE",
            "FLOWCORE_EXECUTE_FLOW_RUN",
            "FLOWCORE_TEST_POSTGRES_URL",
            "FLOWCORE_ZEBRA_CROSSING",
            "PREFECT_ANYTHING",
        ];
        let warnings: Vec<String> = unknown_variables(names.into_iter()).iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "FLOWCORE_TASK_LIMITS is not a setting and changes nothing: did you mean FLOWCORE_TASK_LIMIT?",
                "FLOWCORE_ZEBRA_CROSSING is not a setting and changes nothing: unset it",
            ]
        );
    }

    #[test]
    fn memory_is_warned_of_where_nobody_asked_for_it() {
        let load = |database: Option<&str>| {
            let lookup = |name: &str| match name {
                "FLOWCORE_HOME" => Some("/srv".to_owned()),
                "FLOWCORE_DATABASE_URL" => database.map(str::to_owned),
                "FLOWCORE_RESULT_STORAGE" => Some("memory:".to_owned()),
                _ => None,
            };
            Settings::from_lookup(&lookup)
        };
        assert!(load(Some("memory:")).is_ok_and(|settings| settings.warnings().is_empty()));
        let expected: &[SettingsWarning] = if cfg!(feature = "sqlite") { &[] } else { &[SettingsWarning::NothingKept] };
        assert!(load(None).is_ok_and(|settings| settings.warnings() == expected));
    }
}
