//! A folder for the files of one service.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::account::Account;

/// A new private folder, which is removed when this is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder that belongs to `owner`, or to the user of this program when there is none.
    pub(super) fn new(name: &str, owner: Option<Account>) -> Result<Self, String> {
        // Another user may not be able to reach root's own TMPDIR.
        let parent = if owner.is_some() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let now = SystemTime::UNIX_EPOCH.elapsed().map_err(|error| format!("the clock is wrong: {error}"))?;
        let path = parent.join(format!("flowcore-{name}-{}-{}", std::process::id(), now.as_nanos()));
        let fail = |error| format!("cannot make the folder {}: {error}", path.display());
        DirBuilder::new().mode(0o700).create(&path).map_err(fail)?;
        let scratch = Self(path.clone());
        if let Some(owner) = owner {
            chown(&path, Some(owner.user), Some(owner.group)).map_err(fail)?;
        }
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_folder_is_gone_afterwards_with_what_was_in_it() {
        let scratch = Scratch::new("test", None).unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "content").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }
}
