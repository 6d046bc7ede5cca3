//! How much SQLite waits for the disk.

use std::str::FromStr;

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
