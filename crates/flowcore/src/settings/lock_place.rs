//! Where locks on keys are kept.

use std::str::FromStr;

/// Where the locks on cache keys and on keys of transactions are kept, and so between whom they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockPlace {
    /// In locked files of the folder `locks` in the home folder: between the processes of this machine that share it.
    Folder,
    /// In the database: between all processes that share it, on whichever machine.
    Database,
}

impl LockPlace {
    /// Returns its name in settings: `FOLDER`.
    pub fn as_str(self) -> &'static str {
        match self {
            LockPlace::Folder => "FOLDER",
            LockPlace::Database => "DATABASE",
        }
    }

    /// Chooses the place for a database unless it is set: a file is used by one machine, a server by several.
    pub(super) fn of(database_url: &str) -> Self {
        if database_url.starts_with("postgres") { LockPlace::Database } else { LockPlace::Folder }
    }
}

impl FromStr for LockPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = [LockPlace::Folder, LockPlace::Database];
        known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}
