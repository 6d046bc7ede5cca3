//! Asking a program of its flows.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flowcore::{DESCRIBE, DESCRIBES_ITSELF, Description};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// How long a program may take to tell of itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says why a program cannot be asked of its flows.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It cannot be read.
    #[error("the program {} cannot be read: {reason}; build it first, or name another", path.display())]
    Unreadable {
        /// The program.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// It has nothing of flowcore in it.
    #[error(
        "the program {} was not built with flowcore, or its main function neither has the attribute #[flowcore::main] nor \
         calls flowcore::init", path.display()
    )]
    Foreign {
        /// The program.
        path: PathBuf,
    },
    /// It did not tell.
    #[error("the program {} did not tell of its flows: {reason}", path.display())]
    Silent {
        /// The program.
        path: PathBuf,
        /// What it did instead.
        reason: String,
    },
    /// Python did not tell.
    #[error(
        "{} did not find the flow `{entrypoint}`: {reason}; name another interpreter, which has Prefect, by --python, or correct the \
         entrypoint", python.display()
    )]
    Python {
        /// The entrypoint.
        entrypoint: String,
        /// The interpreter.
        python: PathBuf,
        /// What it said.
        reason: String,
    },
}

/// Starts a program so that it tells of its flows. It is started only if it is one that understands that.
///
/// # Errors
///
/// It cannot be read, is another program, or does not tell.
pub async fn describe(path: &Path) -> Result<Description, ProgramError> {
    let unreadable =
        |error: std::io::Error| ProgramError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    let silent = |reason: String| ProgramError::Silent { path: path.to_owned(), reason };
    let path = &path.canonicalize().map_err(unreadable)?;
    if !understands(path).await.map_err(unreadable)? {
        return Err(ProgramError::Foreign { path: path.clone() });
    }
    let told = std::env::temp_dir().join(format!("flowcore-description-{}.json", uuid::Uuid::now_v7()));
    let output = asked(path, told.as_os_str()).await;
    let description = std::fs::read(&told);
    // A program that told nothing has left no file.
    let _ = std::fs::remove_file(&told);
    let output = output.map_err(silent)?;
    let Ok(description) = description else { return Err(silent(output)) };
    serde_json::from_slice(&description).map_err(|error| silent(format!("{error}: was it built with another version?")))
}

/// Looks for the mark of those that tell of themselves.
async fn understands(path: &Path) -> std::io::Result<bool> {
    let mark = DESCRIBES_ITSELF.as_bytes();
    let mut file = tokio::fs::File::open(path).await?;
    let (mut buffer, mut kept) = (vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut buffer[kept..]).await?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if buffer[..filled].windows(mark.len()).any(|part| part == mark) {
            return Ok(true);
        }
        // The mark may lie across two parts.
        kept = filled.min(mark.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// Starts it, waits for its end, and gives what it had to say.
async fn asked(path: &Path, told: &OsStr) -> Result<String, String> {
    let mut command = Command::new(path);
    command.env(DESCRIBE, told).stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = tokio::time::timeout(PATIENCE, command.output()).await else {
        return Err(format!("it was still running after {} s", PATIENCE.as_secs()));
    };
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{}: {said}", output.status)) }
}
