//! The account that a service runs under.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::process;

/// A user of this machine, by number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// Lets a command run under this account. The standard library drops the other groups of root as well.
    pub(super) fn takes(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }
}

/// Tells whether this program runs as root.
pub(super) fn is_root() -> Result<bool, String> {
    Ok(process::output(Command::new("id").arg("-u"))?.trim() == "0")
}

/// Chooses the account for a program that refuses to run as root: the first of `names` that exists, or none when this
/// program does not run as root anyway.
pub(super) fn unprivileged(names: &[&str]) -> Result<Option<Account>, String> {
    if !is_root()? {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("cannot read /etc/passwd: {error}"))?;
    let found = names.iter().find_map(|name| account(&users, name));
    found
        .map(Some)
        .ok_or_else(|| format!("there is no user {}; run this as a user that is not root", names.join(" or ")))
}

/// Finds a user in the text of `/etc/passwd`.
fn account(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        found.then_some(Account { user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/bash\n# comment\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/sh\n";

    #[test]
    fn finds_users_by_their_whole_name() {
        assert_eq!(account(USERS, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(account(USERS, "root"), Some(Account { user: 0, group: 0 }));
        assert_eq!(account(USERS, "post"), None);
    }
}
