//! Where a setting's value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting's value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    #[default]
    Default,
    /// The program set it.
    Code,
    /// This environment variable. When its name ends with `_FILE`, the value stood in the file that it names.
    Environment(String),
    /// A file: `flowcore.toml`, `.env`, or `profiles.toml` for the active profile itself.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A profile.
    Profile {
        /// Its name.
        name: String,
        /// The file of profiles.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Code => f.write_str("code"),
            Source::Environment(variable) => write!(f, "environment, {variable}"),
            Source::File { file, line } => write!(f, "{}:{line}", file.display()),
            Source::Profile { name, file, line } => write!(f, "profile {name}, {}:{line}", file.display()),
        }
    }
}

/// A setting as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable that sets it: `FLOWCORE_HOME`.
    pub name: &'static str,
    /// Its key in files: `home`.
    pub key: &'static str,
    /// Its value, without secrets.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}
