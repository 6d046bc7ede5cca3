//! `flowcore flow-run why`.

use clap::Args;
use flowcore::connect;
use flowcore::wire::{Blocker, BlockerKind};

use crate::arguments::OutputArguments;
use crate::called::as_called;
use crate::failure::Failure;
use crate::output::Column;
use crate::select;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(arguments: &WhyArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = select::flow_run(&*session.client, &arguments.id).await?;
    let why = session.client.why(run.id, &connect::probe()).await?;
    let why = why.ok_or_else(|| Failure::new(format!("flow run '{}' has been deleted", run.name)))?;
    if arguments.output.json() {
        return session.out.json(&why);
    }
    session.out.line(as_called(&why.message))?;
    session.out.line(as_called(&why.advice))?;
    if why.blockers.is_empty() {
        return Ok(());
    }
    session.out.heading("In its way")?;
    let row = |blocker: Blocker| {
        let id = blocker.id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        vec![format!("  {}", kind(blocker.kind)), id, blocker.name]
    };
    let rows: Vec<Vec<String>> = why.blockers.into_iter().map(row).collect();
    session.out.table(&[Column::Whole("  WHAT"), Column::Whole("ID"), Column::Text("NAME")], &rows)
}

fn kind(kind: BlockerKind) -> &'static str {
    match kind {
        BlockerKind::FlowRun => "flow run",
        BlockerKind::TaskRun => "task run",
        BlockerKind::Deployment => "deployment",
        BlockerKind::WorkPool => "work pool",
        BlockerKind::WorkQueue => "work queue",
        BlockerKind::ConcurrencyLimit => "concurrency limit",
        BlockerKind::Holder => "program",
    }
}
