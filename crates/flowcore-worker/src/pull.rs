//! Bringing the code of a run here, before its program is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowcore::model::LogLevel;
use serde_json::Map;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::job::Job;
use crate::output::{Output, show};
use crate::steps::{Steps, is_executable, make_executable};

/// Carries out the pull steps of a program, and gives the folder to start it in. They begin in a folder that was named, or in
/// one of the run's own, which `own` makes and which goes when it is dropped. What they print is in the run's log.
pub(crate) async fn pull(
    steps: &Steps,
    job: &Job,
    begin: Option<PathBuf>,
    own: impl FnOnce() -> Result<TempDir, String>,
    program: &Path,
) -> Result<(Option<PathBuf>, Option<TempDir>), String> {
    let (begin, own) = match begin {
        Some(begin) => (begin, None),
        None => {
            let own = own()?;
            (own.path().to_owned(), Some(own))
        }
    };
    let output = Output { client: steps.client.clone(), run: job.run, is_streamed: true };
    let (said, mut heard) = mpsc::unbounded_channel();
    let telling = tokio::spawn(async move {
        while let Some(line) = heard.recv().await {
            output.tell(LogLevel::Info, line).await;
        }
    });
    let steps = steps.clone().report(Arc::new(move |line| {
        show(line);
        let _ = said.send(line.to_owned());
    }));
    let carried = steps.carry_out(&job.pull_steps, &begin, Map::new()).await;
    // The last that could say something.
    drop(steps);
    let _ = telling.await;
    let directory = carried.map_err(|error| error.to_string())?.directory;
    let whole = directory.join(program);
    if std::fs::metadata(&whole).is_ok_and(|file| file.is_file() && !is_executable(&file)) {
        make_executable(&whole)?;
    }
    Ok((Some(directory), own))
}
