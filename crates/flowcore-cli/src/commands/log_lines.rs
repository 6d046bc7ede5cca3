//! Log lines of a run: which ones, and how they are printed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use clap::Args;
use flowcore::client::Client;
use flowcore::model::{LogFilter, LogLevel, LogLine, Order, Page, TaskRunFilter, TaskRunId};

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Output, note};
use crate::paging::pages;
use crate::session::Session;
use crate::time::rfc3339;

/// How many lines are the first or the last.
const NUMBER: usize = 20;

/// Which lines to print.
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Only lines of at least this level: TRACE, DEBUG, INFO, WARNING or ERROR.
    #[arg(long, value_name = "LEVEL")]
    level: Option<LogLevel>,
    /// Only the first lines: 20, or as many as --num-logs says.
    #[arg(long, conflicts_with = "tail")]
    head: bool,
    /// Only the last lines: 20, or as many as --num-logs says.
    #[arg(long, short)]
    tail: bool,
    /// How many lines.
    #[arg(long, short, value_name = "N")]
    num_logs: Option<usize>,
    /// Newest line first.
    #[arg(long, short)]
    reverse: bool,
    #[command(flatten)]
    output: OutputArguments,
}

impl LogArguments {
    /// Tells how many lines of which end are wanted.
    fn part(&self) -> Part {
        let number = match self.num_logs {
            None if self.head || self.tail => NUMBER,
            number => number.unwrap_or(usize::MAX),
        };
        // With neither, those are counted that would be printed first.
        if self.tail || (self.reverse && !self.head) { Part::Last(number) } else { Part::First(number) }
    }
}

/// A part of a log.
#[derive(Clone, Copy, Debug)]
enum Part {
    First(usize),
    Last(usize),
}

/// Prints lines. `filter` says of which run, `subject` what lines are about that belong to no task run.
pub(super) async fn print(
    arguments: &LogArguments,
    filter: LogFilter,
    subject: &str,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let filter = LogFilter { level: arguments.level, ..filter };
    let mut lines = read(&*session.client, &filter, arguments.part()).await?;
    if arguments.reverse {
        lines.reverse();
    }
    if arguments.output.json() {
        return session.out.json(&lines);
    }
    if lines.is_empty() {
        note("No log lines were found.");
    }
    let names = task_run_names(&*session.client, lines.iter()).await?;
    for line in &lines {
        write_line(session.out, line, &names, subject)?;
    }
    Ok(())
}

/// Prints one line. `subject` is what lines are about that belong to no task run.
pub(super) fn write_line(
    out: &mut Output,
    line: &LogLine,
    names: &BTreeMap<TaskRunId, String>,
    subject: &str,
) -> Result<(), Failure> {
    let subject = match line.task_run_id {
        Some(id) => format!("Task run '{}'", names.get(&id).map_or_else(|| id.to_string(), String::clone)),
        None => subject.to_owned(),
    };
    let level = out.level(line.level);
    out.line(format!("{} | {level} | {subject} - {}", rfc3339(line.timestamp), line.text()))
}

/// Reads lines, oldest first. Of a long log no more is read than is asked for.
async fn read(client: &dyn Client, filter: &LogFilter, part: Part) -> Result<Vec<LogLine>, Failure> {
    let mut lines = Vec::new();
    let (order, limit) = match part {
        Part::First(number) => (Order::OldestFirst, number),
        Part::Last(number) => (Order::NewestFirst, number),
    };
    let fetch = async |page: Page| client.logs(&LogFilter { order, page, ..filter.clone() }).await;
    let keep = async |rows: Vec<LogLine>| {
        lines.extend(rows);
        Ok::<_, Failure>(if lines.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    };
    pages(fetch, keep).await?;
    lines.truncate(limit);
    if order == Order::NewestFirst {
        lines.reverse();
    }
    Ok(lines)
}

/// Finds the names of the task runs that lines were logged in.
pub(super) async fn task_run_names<'a>(
    client: &dyn Client,
    lines: impl Iterator<Item = &'a LogLine>,
) -> Result<BTreeMap<TaskRunId, String>, Failure> {
    let mut ids: Vec<TaskRunId> = lines.filter_map(|line| line.task_run_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut names = BTreeMap::new();
    // A database takes some thousands of values in one question.
    for ids in ids.chunks(1000) {
        let filter = TaskRunFilter { ids: Some(ids.to_vec()), page: Page::ALL, ..TaskRunFilter::default() };
        names.extend(client.task_runs(&filter).await?.into_iter().map(|run| (run.id, run.name)));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use flowcore::clock::SystemClock;
    use flowcore::model::{LogId, Timestamp};
    use flowcore::orchestration::Orchestrator;
    use flowcore::store::memory::MemoryStore;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn head_and_tail_cut_long_logs() {
        let client = Orchestrator::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock));
        let line = |number: i64| LogLine {
            id: LogId(Uuid::from_u128(number.unsigned_abs().into())),
            timestamp: Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(number),
            level: LogLevel::Info,
            logger: "test".to_owned(),
            message: number.to_string(),
            fields: serde_json::Map::new(),
            flow_run_id: None,
            task_run_id: None,
        };
        Client::append_logs(&client, (0..2500).map(line).collect()).await.unwrap();
        for (part, expected) in [
            (Part::First(usize::MAX), 0..2500),
            (Part::First(3), 0..3),
            (Part::First(1500), 0..1500),
            (Part::First(0), 0..0),
            (Part::Last(2), 2498..2500),
            (Part::Last(9999), 0..2500),
        ] {
            let lines = read(&client, &LogFilter::default(), part).await.unwrap();
            let numbers: Vec<i64> = lines.iter().map(|line| line.message.parse().unwrap()).collect();
            assert_eq!(numbers, expected.collect::<Vec<_>>(), "{part:?}");
        }
    }
}
