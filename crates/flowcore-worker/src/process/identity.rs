//! Which process is meant: a number alone is given to another process one day.

use std::fs;

use rustix::process::getpid;

/// A process of this machine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// When it began: which start of the machine, and how many ticks after it.
    pub(super) begun: String,
}

impl Identity {
    /// Finds out who has this number. None: nobody, or the system does not tell.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let ticks = stat(pid)?.begun;
        Some(Identity { pid, begun: format!("{}-{ticks}", boot.trim()) })
    }

    pub(super) fn own() -> Option<Self> {
        Identity::of(getpid().as_raw_nonzero().get())
    }

    /// Tells whether it runs. One that has ended and that nobody has asked after does not.
    pub(super) fn lives(&self) -> bool {
        Identity::of(self.pid).as_ref() == Some(self) && stat(self.pid).is_some_and(|stat| !stat.is_zombie)
    }

    /// Tells whether the number is another process's by now, so that a group of this number is not its own any more.
    pub(super) fn is_replaced(&self) -> bool {
        let boot = |begun: &str| begun.rsplit_once('-').map(|(boot, _)| boot.to_owned());
        match Identity::of(self.pid) {
            Some(now) => now != *self,
            None => Identity::own().is_none_or(|own| boot(&own.begun) != boot(&self.begun)),
        }
    }
}

struct Stat {
    is_zombie: bool,
    begun: String,
}

fn stat(pid: i32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last bracket may hold anything. Behind it come the third field and on; the start is the 22nd.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat { is_zombie: *fields.first()? == "Z", begun: (*fields.get(19)?).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_again() {
        let Some(own) = Identity::own() else { return };
        assert!(own.lives() && !own.is_replaced());
        let other = Identity { begun: format!("{}0", own.begun), ..own };
        assert!(!other.lives() && other.is_replaced());
    }
}
