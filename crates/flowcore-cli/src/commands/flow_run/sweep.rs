//! `flowcore flow-run sweep`.

use clap::Args;

use flowcore::model::StateType;

use super::witness::sweep;
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Column, note};
use crate::program::{resume_command, retriable, retry_command};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(arguments: &Sweep, session: &mut Session<'_>) -> Result<(), Failure> {
    let runs = sweep(session).await?.crashed;
    if arguments.output.json() {
        return session.out.json(&runs);
    }
    if runs.is_empty() {
        note("No run was left behind by a process that has died.");
    }
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let retry = match run.state.kind {
                StateType::Paused => resume_command(run),
                _ => retriable(run).map_or_else(|reason| format!("no: {reason}"), |_| retry_command(run)),
            };
            let (flow, name) = (run.flow_name.clone(), run.name.clone());
            vec![run.id.to_string(), flow, name, run.state.name.to_string(), retry]
        })
        .collect();
    let columns = [
        Column::Whole("ID"),
        Column::Text("FLOW"),
        Column::Text("NAME"),
        Column::Whole("STATE"),
        Column::Whole("GOES ON WITH"),
    ];
    session.out.table(&columns, &rows)
}
