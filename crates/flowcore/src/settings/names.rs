//! From a name that somebody wrote to the setting that it means.

use std::fmt;

use super::known::{KnownSetting, known_settings};

/// What a name stands for: a setting, or the file that its value is read from.
#[derive(Clone, Copy, Debug)]
pub struct SettingName {
    /// The setting.
    pub setting: &'static KnownSetting,
    /// Whether the name ends with `_FILE` and is set to the path of a file that holds the value.
    pub from_file: bool,
}

/// A name that stands for no setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownSetting {
    /// The name.
    pub name: String,
    /// The known name that it resembles most, if it resembles one.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a setting", self.name)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, ": did you mean {nearest}?"))
    }
}

/// Finds the setting that a name stands for: its key in any spelling (`database.url`, `database_url`), a variable
/// (`FLOWCORE_DATABASE_URL`, one of Prefect's or Amazon's), or Prefect's key for it
/// (`server.database.connection_url`); each also with `_FILE` behind it.
///
/// # Errors
/// When there is none.
pub fn find_setting(name: &str) -> Result<SettingName, UnknownSetting> {
    let upper = name.replace('.', "_").to_ascii_uppercase();
    find(|variable| variable == upper || short(variable).is_some_and(|short| short == upper))
        .or_else(|| {
            let upper = upper.strip_suffix(FILE)?;
            let found = find(|variable| {
                takes_file(variable) && (variable == upper || short(variable).is_some_and(|short| short == upper))
            })?;
            Some(SettingName { from_file: true, ..found })
        })
        .ok_or_else(|| UnknownSetting { nearest: nearest_setting(name), name: name.to_owned() })
}

/// Finds the setting that a variable of the environment sets, which is looked up as it is.
pub(super) fn find_variable(name: &str) -> Option<SettingName> {
    find(|variable| variable == name).or_else(|| {
        let name = name.strip_suffix(FILE)?;
        let found = find(|variable| takes_file(variable) && variable == name)?;
        Some(SettingName { from_file: true, ..found })
    })
}

/// Ends the name of what is read from a file.
pub(super) const FILE: &str = "_FILE";

fn find(is_meant: impl Fn(&str) -> bool) -> Option<SettingName> {
    let setting = known_settings().find(|setting| setting.variables().iter().any(|variable| is_meant(variable)))?;
    Some(SettingName { setting, from_file: false })
}

/// Cuts off whose variable it is. Amazon's keep their names.
fn short(variable: &str) -> Option<&str> {
    variable.strip_prefix("FLOWCORE_").or_else(|| variable.strip_prefix("PREFECT_"))
}

/// Tells whether the variable has a sister with `_FILE`. Amazon's have none: their tools have other uses for such names.
fn takes_file(variable: &str) -> bool {
    short(variable).is_some()
}

/// Finds the name that somebody may have meant: a variable if it looks like one, a key otherwise.
pub(super) fn nearest_setting(name: &str) -> Option<&'static str> {
    if short(name).is_some() {
        let variables = known_settings().flat_map(|known| known.variables()).copied();
        nearest(name, variables.filter(|variable| short(variable).is_some()))
    } else {
        nearest(&name.to_ascii_lowercase(), known_settings().map(KnownSetting::key))
    }
}

/// Finds the candidate that takes the fewest edits, provided that these leave most of the name.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let own = |name: &str| short(name).unwrap_or(name).len();
    let (edits, best) = candidates.map(|known| (edits(name, known), known)).min()?;
    (edits * 2 < own(best).max(own(name))).then_some(best)
}

/// Counts the insertions, deletions and replacements of bytes that turn one text into another.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.bytes()) {
            let next = (*cell + 1).min(left + 1).min(diagonal + usize::from(a != b));
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }

    #[test]
    fn a_setting_has_many_names() {
        for (name, key, from_file) in [
            ("database.url", "database.url", false),
            ("database_url", "database.url", false),
            ("Database.URL", "database.url", false),
            ("server.database.connection_url", "database.url", false),
            ("FLOWCORE_DATABASE_URL_FILE", "database.url", true),
            ("s3.secret_access_key_file", "s3.secret_access_key", true),
            ("AWS_REGION", "s3.region", false),
        ] {
            let found = find_setting(name).unwrap();
            assert_eq!((found.setting.key(), found.from_file), (key, from_file), "{name}");
        }
        for name in ["region", "AWS_REGION_FILE", "FLOWCORE_", "", "_FILE", "database", "database.url.file.file"] {
            assert!(find_setting(name).is_err(), "{name}");
        }
        assert!(find_variable("database_url").is_none());
    }

    #[test]
    fn the_nearest_name_is_of_the_kind_that_was_written() {
        for (name, nearest) in [
            ("FLOWCORE_DATABASE", Some("FLOWCORE_DATABASE_URL")),
            ("FLOWCORE_S3_SECRET_KEY", Some("FLOWCORE_S3_SECRET_ACCESS_KEY")),
            ("PREFECT_LOGING_LEVEL", Some("PREFECT_LOGGING_LEVEL")),
            ("databse.url", Some("database.url")),
            ("Task_Limits", Some("task_limit")),
            ("FLOWCORE_ZEBRA_CROSSING", None),
            ("zebra", None),
        ] {
            assert_eq!(nearest_setting(name), nearest, "{name}");
        }
    }
}
