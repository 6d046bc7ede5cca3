//! What can be wrong with settings, each with what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::layer::Report;
use super::warning::SettingsWarning;

/// All that is wrong with the settings.
///
/// One problem is written as a sentence, several are written below each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<SettingsProblem>,
    warnings: Vec<SettingsWarning>,
}

impl SettingsError {
    /// Returns the problems, at least one.
    pub fn problems(&self) -> &[SettingsProblem] {
        &self.problems
    }

    /// Returns what does no harm by itself and may be the reason: a name that is not quite that of a setting.
    pub fn warnings(&self) -> &[SettingsWarning] {
        &self.warnings
    }

    /// Makes an error of problems if there are any, or gives the warnings.
    pub(super) fn check(report: Report) -> Result<Vec<SettingsWarning>, SettingsError> {
        let Report { problems, warnings } = report;
        if problems.is_empty() { Ok(warnings) } else { Err(SettingsError { problems, warnings }) }
    }
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = &self.problems[..] {
            return write!(f, "{problem}");
        }
        write!(f, "{} settings are wrong:", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl From<SettingsProblem> for SettingsError {
    fn from(problem: SettingsProblem) -> Self {
        SettingsError { problems: vec![problem], warnings: Vec::new() }
    }
}

/// Something that is wrong with the settings.
///
/// A `place` is a variable, or a file, a line and a key: `/srv/flowcore.toml:3: task_limit`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsProblem {
    /// A value is none that its setting can have.
    #[error("{place} is `{value}`, which is not allowed: set it to {allowed}")]
    Invalid {
        /// Where the value stands.
        place: String,
        /// The value, without secrets.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A variable holds bytes that are no text.
    #[error("{variable} holds bytes that are not UTF-8: set it to plain text")]
    NotText {
        /// The variable.
        variable: String,
    },
    /// A key in a file holds something that no setting is made of.
    #[error("{place} is a table, or a list of tables: set it to {allowed}")]
    NotPlain {
        /// Where it stands.
        place: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A setting is set both to a value and to a file that holds it, or twice in one file.
    #[error("{place} sets what {other} sets as well: remove one of them")]
    SetTwice {
        /// Where it is set.
        place: String,
        /// Where it is set as well.
        other: String,
    },
    /// The file that is to hold a value cannot be used.
    #[error("{place} names the file {path}, {reason}", path = path.display())]
    ValueFile {
        /// Where the file is named.
        place: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A settings file cannot be read.
    #[error("{file} cannot be read: {reason}", file = file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A settings file breaks the rules of its format.
    #[error("{file}:{line}:{column}: this is not TOML: {reason}", file = file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A profile sets what decides about profiles.
    #[error("{place} cannot be set in a profile: set the variable {variable} instead")]
    NotInProfile {
        /// Where it is set.
        place: String,
        /// The variable that sets it.
        variable: &'static str,
    },
    /// The profile that was chosen is not there.
    #[error("there is no profile `{name}` in {file}, which {chosen} asks for{hint}", file = file.display(),
        hint = nearest.as_ref().map_or_else(
            || ": `flowcore profile ls` lists those that are there".to_owned(),
            |nearest| format!(": did you mean {nearest}?")))]
    NoProfile {
        /// The profile.
        name: String,
        /// The file of profiles.
        file: PathBuf,
        /// What chose it.
        chosen: String,
        /// The profile that it resembles most, if it resembles one.
        nearest: Option<String>,
    },
    /// The program set something that is no setting.
    #[error(transparent)]
    Unknown(#[from] super::names::UnknownSetting),
    /// The user has no home directory, so that there is no default place for the data.
    #[error(
        "there is no home directory to keep data in: set FLOWCORE_HOME to a folder, or HOME to your home directory"
    )]
    NoHome,
    /// The data directory cannot be part of an address.
    #[error("the folder {0} cannot be used, its path is not UTF-8: set FLOWCORE_HOME to another one")]
    HomeNotText(String),
}
