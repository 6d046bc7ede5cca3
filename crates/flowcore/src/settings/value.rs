//! A setting as it is listed, and the types of settings that only exist here.

use std::fmt;
use std::str::FromStr;

/// Where a setting's value came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    #[default]
    Default,
    /// This environment variable.
    Environment(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Environment(variable) => write!(f, "environment, {variable}"),
        }
    }
}

/// A setting as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable that sets it: `FLOWCORE_HOME`.
    pub name: &'static str,
    /// Its value, without secrets.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}

/// When SQLite waits until the disk has what it wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// With every commit: what is committed outlasts a power failure.
    #[default]
    Full,
    /// Now and then: what is committed outlasts the process, not always a power failure. Several times faster.
    Normal,
}

impl Synchronous {
    /// Returns the name that SQLite has for it: `FULL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        }
    }
}

impl FromStr for Synchronous {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = [Synchronous::Full, Synchronous::Normal];
        known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}
