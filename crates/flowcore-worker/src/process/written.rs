//! What a process writes, by way of a file: it can go on writing when its worker is dead, where a pipe that nobody reads would end it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

/// How long nothing is looked for after nothing was there.
const PAUSE: Duration = Duration::from_millis(20);

/// How much is read at once, in bytes.
const AT_ONCE: usize = 64 * 1024;

/// How much may lie on the disk that has been read, in bytes.
const KEPT: u64 = 1024 * 1024;

/// A file without a name, which goes with the last that has it open.
pub(super) struct Written {
    file: File,
    /// Where in it begins what is to be read, in bytes.
    begin: u64,
}

impl Written {
    /// Makes the file, and gives what a process writes to. It and all that it starts write one behind the other.
    pub(super) fn new() -> io::Result<(Self, Stdio)> {
        let file = tempfile::tempfile()?;
        Ok((Written { file: file.try_clone()?, begin: 0 }, file.into()))
    }

    /// Finds the file that a process which somebody else has started writes as its first (output) or second (errors), for what it writes
    /// from now on.
    pub(super) fn of(pid: i32, number: u8) -> Option<Self> {
        let file = File::options().read(true).write(true).open(format!("/proc/{pid}/fd/{number}")).ok()?;
        let metadata = file.metadata().ok()?;
        // A file with a name is not one of a worker.
        (metadata.is_file() && metadata.nlink() == 0).then(|| Written { file, begin: metadata.len() })
    }

    /// Gives what is written, from the beginning until `ended` says that nobody writes any more.
    pub(super) fn follow(self, ended: watch::Receiver<bool>) -> impl AsyncRead + Unpin + Send + 'static {
        let (to, from) = tokio::io::duplex(AT_ONCE);
        tokio::spawn(async move {
            if let Err(error) = self.pass_on(to, ended).await {
                tracing::warn!(target: "flowcore", "what a run writes cannot be read any more: {error}");
            }
        });
        from
    }

    async fn pass_on(self, mut to: DuplexStream, mut ended: watch::Receiver<bool>) -> io::Result<()> {
        let (mut place, mut freed) = (self.begin, self.begin);
        let mut buffer = vec![0; AT_ONCE];
        loop {
            // Asked before the file is read: what was written until then is there.
            let is_over = *ended.borrow_and_update();
            loop {
                // The place of the process in the file stays where it is. What was just written is in memory, so that this does not wait.
                let read = self.file.read_at(&mut buffer, place)?;
                if read == 0 {
                    break;
                }
                place += read as u64;
                to.write_all(&buffer[..read]).await?;
                if place - freed > KEPT {
                    self.free(freed, place)?;
                    freed = place;
                }
            }
            if is_over {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                // Without anybody who could say so it is over.
                gone = ended.changed() => if gone.is_err() { return Ok(()) },
            }
        }
    }

    /// Gives the room of what has been read back to the disk, where that can be done.
    #[cfg(target_os = "linux")]
    fn free(&self, from: u64, to: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, to - from) {
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            other => Ok(other?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "elsewhere it can fail")]
    fn free(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tokio::io::AsyncReadExt;
    use tokio::process::Command;

    use super::*;

    #[tokio::test]
    async fn everything_that_is_written_is_read_once_and_its_room_given_back() {
        let (written, stdout) = Written::new().unwrap();
        let file = written.file.try_clone().unwrap();
        let (end, ended) = watch::channel(false);
        let mut read = String::new();
        let mut follower = written.follow(ended);
        let mut command = Command::new("sh");
        // Two that write, one after the other, to where the first began.
        command.args(["-c", "seq 1 600000; seq 600001 600100"]).stdout(stdout);
        let mut process = command.spawn().unwrap();
        drop(command);
        let waiting = async {
            assert!(process.wait().await.unwrap().success());
            end.send(true).unwrap();
        };
        let (all, ()) = tokio::join!(follower.read_to_string(&mut read), waiting);
        all.unwrap();
        assert!(read.lines().map(|line| line.parse::<u32>().unwrap()).eq(1..=600_100));
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.size(), read.len() as u64);
        assert!(metadata.blocks() * 512 < metadata.size() / 2, "{} of {}", metadata.blocks() * 512, metadata.size());
    }
}
