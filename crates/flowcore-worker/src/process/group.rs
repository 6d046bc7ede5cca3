//! A process that executes a run, with all that it starts: one group, which ends as one.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::control::Control;
use super::identity::Identity;
use super::written::Written;
use crate::infrastructure::{Stop, asked};

/// A started process.
pub(super) struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts a process in a group of its own, so that the worker's Ctrl-C does not reach it; gives it, and what it writes as
    /// output and as errors.
    pub(super) fn start(mut command: Command) -> std::io::Result<(Self, Written, Written)> {
        let ((output, stdout), (errors, stderr)) = (Written::new()?, Written::new()?);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0).kill_on_drop(true);
        let child = command.spawn()?;
        let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok((Group { child, id }, output, errors))
    }

    /// Gives the process's number, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end. Once `stop` says so, it is told why, if it listens, and asked to end, and after the grace ended. What
    /// it has started ends with it. Tells how it ended, and why it was asked to.
    pub(super) async fn ended(
        mut self,
        mut stop: watch::Receiver<Option<Stop>>,
        grace: Duration,
        control: Option<Control>,
    ) -> std::io::Result<(ExitStatus, Option<Stop>)> {
        let by_itself = tokio::select! {
            status = self.child.wait() => Ok(status?),
            why = asked(&mut stop) => Err(why),
        };
        let ended = match by_itself {
            Ok(status) => (status, None),
            Err(why) => {
                if let (Some(control), Stop::Cancelled) = (control, why) {
                    control.cancel().await;
                }
                self.signal(Signal::TERM);
                let status = match tokio::time::timeout(grace, self.child.wait()).await {
                    Ok(status) => status?,
                    Err(_) => {
                        self.signal(Signal::KILL);
                        self.child.wait().await?
                    }
                };
                (status, Some(why))
            }
        };
        self.signal(Signal::KILL);
        Ok(ended)
    }

    /// Signals the whole group. A group that is gone needs none.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.id {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Signals the group of a process that this one has not started, unless its number is another's by now.
pub(super) fn signal_group(leader: &Identity, signal: Signal) {
    if let Some(group) = Pid::from_raw(leader.pid).filter(|_| !leader.is_replaced()) {
        let _ = kill_process_group(group, signal);
    }
}

/// Ends what is left of a group whose leader has ended.
pub(super) fn end_rest(leader: &Identity) {
    signal_group(leader, Signal::KILL);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn shell(text: &str) -> Group {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        Group::start(command).unwrap().0
    }

    /// Tells whether a process is there.
    fn lives(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn what_is_asked_to_end_ends_with_all_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let text = format!(
            "trap '' TERM; sleep 100 & echo $! > {0}; sh -c 'trap \"\" TERM; sleep 100' & echo $! >> {0}; wait; wait",
            file.display()
        );
        let group = shell(&text);
        let pids = loop {
            let pids = std::fs::read_to_string(&file).unwrap_or_default();
            if pids.lines().count() == 2 {
                break pids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let (stop, stopped) = watch::channel(None);
        stop.send(Some(Stop::Hurry)).unwrap();
        let (status, why) = group.ended(stopped, Duration::from_millis(100), None).await.unwrap();
        assert!(why == Some(Stop::Hurry) && !status.success());
        for pid in pids.lines() {
            while lives(pid) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    #[tokio::test]
    async fn what_ends_by_itself_tells_how() {
        let (_stop, stopped) = watch::channel(None);
        let (status, why) = shell("exit 3").ended(stopped, Duration::ZERO, None).await.unwrap();
        assert_eq!((status.code(), why), (Some(3), None));
    }

    #[tokio::test]
    async fn what_writes_goes_on_when_nobody_reads() {
        let (_stop, stopped) = watch::channel(None);
        // Nobody has read a word of it.
        let (status, _) = shell("echo one && echo two >&2").ended(stopped, Duration::ZERO, None).await.unwrap();
        assert!(status.success(), "{status}");
    }
}
