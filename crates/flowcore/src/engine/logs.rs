//! Log lines of runs: `tracing` events inside a run are kept with its ids, in batches, off the user's thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::background::Background;
use crate::client::{Client, ClientError};
use crate::model::LogLine;

/// How long a line may wait for company.
const LINGER: Duration = Duration::from_millis(50);

/// How many lines may wait while the store is away; beyond it the oldest are dropped, and said to be.
const MOST_WAITING: usize = 100_000;

/// Lines on their way to the store.
#[derive(Clone)]
pub(crate) struct LogSink(Arc<Shared>);

struct Shared {
    client: Arc<dyn Client>,
    background: Background,
    waiting: Mutex<Waiting>,
    /// One flush at a time, so that lines are kept in order.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<LogLine>,
    asked: bool,
}

impl LogSink {
    pub(crate) fn new(client: Arc<dyn Client>, background: Background) -> Self {
        LogSink(Arc::new(Shared { client, background, waiting: Mutex::default(), turn: tokio::sync::Mutex::new(()) }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line; it is kept soon.
    pub(crate) fn push(&self, line: LogLine) {
        let ask = {
            let mut waiting = self.lock();
            waiting.lines.push(line);
            !std::mem::replace(&mut waiting.asked, true)
        };
        if ask {
            let sink = self.clone();
            self.0.background.run(async move {
                tokio::time::sleep(LINGER).await;
                sink.lock().asked = false;
                // What could not be kept is put back, and comes with the next line or the end of the run.
                drop(sink.flush().await);
            });
        }
    }

    /// Waits until all lines taken so far are kept.
    pub(crate) async fn flush(&self) -> Result<(), ClientError> {
        let _turn = self.0.turn.lock().await;
        let lines = std::mem::take(&mut self.lock().lines);
        if lines.is_empty() {
            return Ok(());
        }
        match self.0.client.append_logs(lines.clone()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut waiting = self.lock();
                let newer = std::mem::replace(&mut waiting.lines, lines);
                waiting.lines.extend(newer);
                let over = waiting.lines.len().saturating_sub(MOST_WAITING);
                if over > 0 {
                    waiting.lines.drain(..over);
                    eprintln!("flowcore: {over} log lines were dropped, since the store cannot keep them: {error}");
                }
                Err(error)
            }
        }
    }
}
