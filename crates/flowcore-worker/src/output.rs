//! What executions write: passed on, and kept with their runs.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use chrono::Utc;
use flowcore::client::Client;
use flowcore::model::{FlowRunId, LogId, LogLevel, LogLine};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use uuid::Uuid;

use crate::logged::Logged;

/// The logger of these lines.
const LOGGER: &str = "flowcore.worker";

/// How many of the last lines of what an execution has complained of are told when it ends badly.
const LAST: usize = 20;

/// The longest line that is kept, in bytes: what follows is another line.
const LONGEST: usize = 64 * 1024;

/// Where the output of a run goes.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) run: FlowRunId,
    /// Whether the worker writes it as well.
    pub(crate) is_streamed: bool,
}

impl Output {
    /// Reads standard output until it ends: each line is a line of the run's log.
    pub(crate) async fn keep(self, output: impl AsyncRead + Unpin) {
        let mut lines = Lines::new(output);
        while let Some(line) = lines.next().await {
            if self.is_streamed {
                show(&line);
            }
            self.tell(LogLevel::Info, line).await;
        }
    }

    /// Reads standard error until it ends, and gives the last lines of it. Each is a line of the run's log, but for what the flow has
    /// logged: that comes by itself, and most programs write it there as well.
    pub(crate) async fn pass_on(self, output: impl AsyncRead + Unpin) -> String {
        let (mut lines, mut last) = (Lines::new(output), VecDeque::with_capacity(LAST));
        let mut logged = Logged::default();
        while let Some(line) = lines.next().await {
            if self.is_streamed {
                complain(&line);
            }
            if !logged.has(&line) {
                self.tell(LogLevel::Warning, line.clone()).await;
            }
            if last.len() == LAST {
                last.pop_front();
            }
            last.push_back(line);
        }
        last.make_contiguous().join("\n")
    }

    /// Adds a line to the run's log.
    pub(crate) async fn tell(&self, level: LogLevel, message: String) {
        let line = LogLine {
            id: LogId(Uuid::now_v7()),
            timestamp: Utc::now(),
            level,
            logger: LOGGER.to_owned(),
            message,
            fields: serde_json::Map::new(),
            flow_run_id: Some(self.run),
            task_run_id: None,
        };
        if let Err(error) = self.client.append_logs(vec![line]).await {
            tracing::warn!(target: "flowcore", "a line of flow run {} is not kept: {error}", self.run);
        }
    }
}

/// Writes a line where this process writes its output, if anybody still reads that.
pub(crate) fn show(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The same for errors.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Lines of any length and of any bytes.
pub(crate) struct Lines<R>(BufReader<R>);

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(output: R) -> Self {
        Lines(BufReader::new(output))
    }

    /// Reads the next line without its end. None: the output has ended, or cannot be read any more.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let available = self.0.fill_buf().await.ok()?;
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            line.extend_from_slice(&available[..taken]);
            let used = taken + usize::from(end.is_some());
            self.0.consume(used);
            if end.is_some() {
                return Some(text(&line));
            }
            if line.len() >= LONGEST {
                return Some(text(&line));
            }
        }
        (!line.is_empty()).then(|| text(&line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_may_be_of_any_kind() {
        let long = "x".repeat(LONGEST + 10);
        let written = format!("one\r\n\ntwo \u{e9}\n{long}\nlast");
        let mut bytes = written.into_bytes();
        bytes.push(0xff);
        let mut lines = Lines::new(&bytes[..]);
        let mut read = Vec::new();
        while let Some(line) = lines.next().await {
            read.push(line);
        }
        assert_eq!(read[..3], ["one", "", "two \u{e9}"]);
        assert_eq!(read.last().map(String::as_str), Some("last\u{fffd}"));
        let pieces: usize = read[3..read.len() - 1].iter().map(String::len).sum();
        assert_eq!(pieces, long.len(), "a long line is cut, and nothing of it lost");
    }
}
