//! The flow whose runs are started: it notes in a file who begins and does what, when.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flowcore::{Error, Result, current, flow, task};

/// Tried again often, since its processes are killed.
#[flow(retries = 20)]
async fn punctual(file: String, steps: u32, pause: f64) -> Result<()> {
    let attempt = current::attempt().unwrap_or_default();
    note(&file, attempt, "begun")?;
    for number in 0..steps {
        punctual_step(file.clone(), number, pause).await?;
    }
    note(&file, attempt, "ended")
}

#[task]
async fn punctual_step(file: String, number: u32, pause: f64) -> Result<()> {
    tokio::time::sleep(std::time::Duration::from_secs_f64(pause)).await;
    tracing::debug!("step {number} of {file}");
    Ok(())
}

/// Serves the flow until this process is killed.
pub(crate) async fn serve() -> Result<()> {
    punctual::deployment(SERVED).serve().await
}

/// The name of the deployment that is served.
pub(super) const SERVED: &str = "served";

/// One write, so that lines of several processes do not mix.
fn note(file: &str, attempt: i32, what: &str) -> Result<()> {
    let run = current::flow_run_id().ok_or_else(|| Error::msg("there is no flow run"))?;
    let micros = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let line = format!("{run} {attempt} {what} {micros}\n");
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())?;
    Ok(())
}

/// A line of the file.
pub(super) struct Note {
    pub(super) run: String,
    pub(super) attempt: u32,
    pub(super) what: String,
    /// Microseconds since 1970.
    pub(super) at: i64,
}

/// Reads the file, in the order in which it was written.
pub(super) fn notes(file: &Path) -> Result<Vec<Note>> {
    let text = std::fs::read_to_string(file)?;
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [run, attempt, what, at] = words[..] else { return Err(Error::msg(format!("no note: {line}"))) };
            Ok(Note { run: run.to_owned(), attempt: attempt.parse()?, what: what.to_owned(), at: at.parse()? })
        })
        .collect()
}
