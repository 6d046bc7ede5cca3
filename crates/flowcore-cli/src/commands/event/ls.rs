//! `flowcore event ls`.

use clap::Args;
use flowcore::model::{Event, EventFilter, Page};

use super::wanted::WantedArguments;
use super::{detail, subject};
use crate::arguments::{OrderArguments, OutputArguments};
use crate::commands::listing::Listing;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::time::When;

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    wanted: WantedArguments,
    /// Only events that occurred at this time or later: 2026-05-01T12:00:00Z, or 2h or 3d for so long ago.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only events that occurred before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    #[command(flatten)]
    order: OrderArguments,
    /// How many to show at most.
    #[arg(long, short = 'n', default_value_t = 200, value_name = "N")]
    limit: u32,
    /// How many to skip first.
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: u32,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(ls: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let now = session.out.now();
    let filter = EventFilter {
        since: ls.since.map(|when| when.resolve(now)),
        until: ls.until.map(|when| when.resolve(now)),
        order: ls.order.order(),
        // One more than is shown tells whether there are more.
        page: Page { limit: ls.limit.saturating_add(1), offset: ls.offset },
        ..ls.wanted.filter(&*session.client).await?
    };
    let mut events = session.client.events(&filter).await?;
    let shown = usize::try_from(ls.limit).unwrap_or(usize::MAX);
    let next = ls.offset.saturating_add(ls.limit);
    let more = (events.len() > shown).then(|| format!("There are more events: continue with --offset {next}."));
    events.truncate(shown);
    let listing = Listing {
        columns: &[Column::Whole("OCCURRED"), Column::Whole("EVENT"), Column::Text("RESOURCE"), Column::Text("DETAIL")],
        row,
        none: "No events were found.".to_owned(),
        more,
    };
    listing.print(session.out, ls.output, &events)
}

fn row(out: &Output, event: &Event) -> Vec<String> {
    vec![out.time(event.occurred), event.event.clone(), subject(event), detail(event)]
}
