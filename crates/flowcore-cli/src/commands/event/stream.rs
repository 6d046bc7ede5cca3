//! `flowcore event stream`.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{Event, EventFilter, Order, Page, Timestamp};
use tokio::time::sleep;
use uuid::Uuid;

use super::wanted::WantedArguments;
use super::{detail, subject};
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::text::one_line;
use crate::time::rfc3339;

/// How often it is looked for new events.
const LOOK: Duration = Duration::from_millis(500);

/// How far each look reaches back: events come in some time after they happen, and the clocks of hosts differ.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);

#[derive(Debug, Args)]
pub(crate) struct Stream {
    #[command(flatten)]
    wanted: WantedArguments,
    /// End with the first event.
    #[arg(long)]
    run_once: bool,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(arguments: &Stream, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut filter =
        EventFilter { order: Order::OldestFirst, page: Page::ALL, ..arguments.wanted.filter(&*session.client).await? };
    let begin = SystemClock.now();
    let mut since = begin;
    let mut shown: BTreeSet<(Timestamp, Uuid)> = BTreeSet::new();
    loop {
        let now = SystemClock.now();
        filter.since = Some(since);
        for event in session.client.events(&filter).await? {
            if !shown.insert((event.occurred, event.id)) {
                continue;
            }
            show(&event, arguments.output, session.out)?;
            if arguments.run_once {
                return session.out.flush();
            }
        }
        session.out.flush()?;
        since = begin.max(now - OVERLAP);
        // What is not read again need not be known.
        shown = shown.split_off(&(since, Uuid::nil()));
        sleep(LOOK).await;
    }
}

/// Shows an event on a line of its own.
fn show(event: &Event, output: OutputArguments, out: &mut Output) -> Result<(), Failure> {
    if output.json() {
        return out.json_line(event);
    }
    let parts = [rfc3339(event.occurred), event.event.clone(), subject(event), detail(event)];
    let parts: Vec<_> = parts.iter().map(|part| one_line(part)).filter(|part| !part.is_empty()).collect();
    out.line(parts.join(" | "))
}
