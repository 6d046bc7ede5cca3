//! `flowcore flow-run watch`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use flowcore::model::{FlowRun, LogFilter, LogId, LogLine, Page, State};
use tokio::time::{Instant, sleep, timeout};

use super::witness::sweep;
use crate::commands::log_lines::{task_run_names, write_line};
use crate::failure::Failure;
use crate::output::note;
use crate::program::next_command;
use crate::select;
use crate::session::Session;
use crate::text::one_line;
use crate::time::rfc3339;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is looked whether its process lives.
const SWEEP: Duration = Duration::from_secs(5);

/// How many lines are read again at each look: lines of several processes may come in out of order.
const OVERLAP: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    /// Stop following it after so many seconds, which is a failure.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
}

/// How often a run is looked at, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct Patience {
    /// In seconds; none: often.
    pub(in crate::commands) interval: Option<NonZeroU32>,
    /// In seconds; none: until it ends.
    pub(in crate::commands) timeout: Option<u32>,
}

pub(super) async fn run(arguments: &Watch, session: &mut Session<'_>) -> Result<u8, Failure> {
    let patience = Patience { interval: None, timeout: arguments.timeout };
    follow(&arguments.id, patience, session).await
}

/// Follows a run until it ends; gives 0 if it has completed, else 1.
pub(super) async fn follow(id: &str, patience: Patience, session: &mut Session<'_>) -> Result<u8, Failure> {
    let look = patience.interval.map_or(LOOK, |seconds| Duration::from_secs(u64::from(seconds.get())));
    let Some(seconds) = patience.timeout else { return to_its_end(id, look, session).await };
    match timeout(Duration::from_secs(u64::from(seconds)), to_its_end(id, look, session)).await {
        Ok(followed) => followed,
        Err(_) => Err(Failure::new(format!("the flow run has not ended within {seconds} s, and goes on"))),
    }
}

async fn to_its_end(id: &str, look: Duration, session: &mut Session<'_>) -> Result<u8, Failure> {
    let mut run = select::flow_run(&*session.client, id).await?;
    let mut seen = Seen::default();
    let mut swept: Option<Instant> = None;
    loop {
        if !run.state.is_terminal() && swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            sweep(session).await?;
            swept = Some(Instant::now());
        }
        let Some(now) = session.client.flow_run(run.id).await? else {
            return Err(Failure::new(format!("flow run '{}' has been deleted meanwhile", one_line(&run.name))));
        };
        run = now;
        // What is read behind the state is all of it, if the state is the last.
        let paused = seen.show_news(&run, session).await?;
        if run.state.is_terminal() {
            return Ok(u8::from(!run.state.is_completed()));
        }
        if paused && let Some(next) = next_command(&run) {
            note(&format!("Flow run '{}' waits; {next}.", one_line(&run.name)));
        }
        sleep(look).await;
    }
}

/// What has been shown.
#[derive(Default)]
struct Seen {
    states: usize,
    lines: BTreeSet<LogId>,
}

enum News {
    State(State),
    Line(LogLine),
}

impl News {
    fn time(&self) -> flowcore::model::Timestamp {
        match self {
            News::State(state) => state.timestamp,
            News::Line(line) => line.timestamp,
        }
    }
}

impl Seen {
    /// Shows states and lines that have come in, in the order of their times. Tells whether the run has a new state.
    async fn show_news(&mut self, run: &FlowRun, session: &mut Session<'_>) -> Result<bool, Failure> {
        let states = session.client.flow_run_states(run.id).await?;
        let mut news: Vec<News> = states.into_iter().skip(self.states).map(News::State).collect();
        let changed = !news.is_empty();
        self.states += news.len();
        let lines = self.new_lines(run, session).await?;
        let names = task_run_names(&*session.client, lines.iter()).await?;
        news.extend(lines.into_iter().map(News::Line));
        news.sort_by_key(News::time);
        for news in &news {
            match news {
                News::Line(line) => {
                    write_line(session.out, line, &names, &format!("Flow run '{}'", one_line(&run.name)))?;
                }
                News::State(state) => {
                    let message = state.message.as_deref().map(|message| format!(": {}", one_line(message)));
                    let shown = session.out.state(state);
                    let message = message.unwrap_or_default();
                    session.out.line(format!("{} | {shown}{message}", rfc3339(state.timestamp)))?;
                }
            }
        }
        session.out.flush()?;
        Ok(changed)
    }

    async fn new_lines(&mut self, run: &FlowRun, session: &Session<'_>) -> Result<Vec<LogLine>, Failure> {
        let mut offset = self.lines.len().saturating_sub(OVERLAP);
        let mut new = Vec::new();
        loop {
            let page = Page { limit: 1000, offset: u32::try_from(offset).unwrap_or(u32::MAX) };
            let filter = LogFilter { flow_run_id: Some(run.id), page, ..LogFilter::default() };
            let lines = session.client.logs(&filter).await?;
            let read = lines.len();
            new.extend(lines.into_iter().filter(|line| self.lines.insert(line.id)));
            if read < 1000 {
                return Ok(new);
            }
            offset += read;
        }
    }
}
