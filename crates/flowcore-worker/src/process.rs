//! A process that executes a run, with all that it starts: one group, which ends as one.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;

/// A started process.
pub(crate) struct Process {
    child: Child,
    group: Option<rustix::process::Pid>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Whether it was asked to.
    pub(crate) was_stopped: bool,
}

impl Process {
    /// Starts a process in a group of its own, so that the worker's Ctrl-C does not reach it.
    pub(crate) fn start(mut command: Command) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let child = command.spawn()?;
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Process { child, group })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Gives what it writes.
    pub(crate) fn outputs(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits for its end. Once `stop` says so, it is asked to end, and after the grace ended. What it has started ends with it.
    pub(crate) async fn ended(mut self, stop: &mut watch::Receiver<bool>, grace: Duration) -> std::io::Result<Ended> {
        let stopped = tokio::select! {
            status = self.child.wait() => Some(status?),
            () = asked(stop) => None,
        };
        let ended = match stopped {
            Some(status) => Ended { status, was_stopped: false },
            None => {
                self.signal(rustix::process::Signal::TERM);
                let status = match tokio::time::timeout(grace, self.child.wait()).await {
                    Ok(status) => status?,
                    Err(_) => {
                        self.signal(rustix::process::Signal::KILL);
                        self.child.wait().await?
                    }
                };
                Ended { status, was_stopped: true }
            }
        };
        self.signal(rustix::process::Signal::KILL);
        Ok(ended)
    }

    /// Signals the whole group. A group that is gone needs none.
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

/// Waits until somebody asks.
async fn asked(stop: &mut watch::Receiver<bool>) {
    // Without anybody who could ask it is never.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn shell(text: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        Process::start(command).unwrap()
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
        let process = shell(&text);
        let pids = loop {
            let pids = std::fs::read_to_string(&file).unwrap_or_default();
            if pids.lines().count() == 2 {
                break pids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let (stop, mut stopped) = watch::channel(false);
        stop.send(true).unwrap();
        let ended = process.ended(&mut stopped, Duration::from_millis(100)).await.unwrap();
        assert!(ended.was_stopped && !ended.status.success());
        for pid in pids.lines() {
            while lives(pid) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    #[tokio::test]
    async fn what_ends_by_itself_tells_how() {
        let (_stop, mut stopped) = watch::channel(false);
        let ended = shell("exit 3").ended(&mut stopped, Duration::ZERO).await.unwrap();
        assert_eq!((ended.status.code(), ended.was_stopped), (Some(3), false));
    }
}
