//! `flowcore flow-run ls`.

use clap::Args;
use flowcore::model::{FlowRun, FlowRunFilter};

use crate::arguments::{LimitArguments, OutputArguments};
use crate::commands::listing::{Listing, may_be_more};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::states::{self, StateArgument, States};
use crate::time::{When, run_time};

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only runs of the flow of this name. May be given several times.
    #[arg(long, value_name = "NAME")]
    flow_name: Vec<String>,
    /// Only runs in this state: a name such as Failed, or a type such as FAILED. May be given several times.
    #[arg(long, alias = "state-type", value_name = "STATE")]
    state: Vec<StateArgument>,
    /// Only runs whose name contains this.
    #[arg(long, value_name = "TEXT")]
    name_like: Option<String>,
    /// Only runs expected to start at this time or later: 2026-05-01T12:00:00Z, or 2h or 3d for so long ago.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only runs expected to start before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let now = session.out.now();
    let filter = FlowRunFilter {
        flow_names: (!arguments.flow_name.is_empty()).then_some(arguments.flow_name),
        name_like: arguments.name_like,
        since: arguments.since.map(|when| when.resolve(now)),
        until: arguments.until.map(|when| when.resolve(now)),
        page: arguments.limit.page(),
        ..FlowRunFilter::default()
    };
    let runs = find(session, filter, States::new(&arguments.state)).await?;
    let listing = Listing {
        columns: &[
            Column::Whole("ID"),
            Column::Text("FLOW"),
            Column::Text("NAME"),
            Column::Whole("STATE"),
            Column::Whole("STARTED"),
            Column::Whole("DURATION"),
        ],
        row,
        none: states::hint(&arguments.state).unwrap_or_else(|| "No flow runs were found.".to_owned()),
        more: may_be_more(session.out, runs.len(), arguments.limit.rows(), "newest"),
    };
    listing.print(session.out, arguments.output, &runs)
}

fn row(out: &Output, run: &FlowRun) -> Vec<String> {
    vec![
        run.id.to_string(),
        run.flow_name.clone(),
        run.name.clone(),
        run.state.name.to_string(),
        out.time_or_dash(run.times.start_time),
        run_time(&run.times, &run.state, out.now()),
    ]
}

async fn find(session: &Session<'_>, filter: FlowRunFilter, states: States) -> Result<Vec<FlowRun>, Failure> {
    let (first, second) = states.alternatives();
    let in_states =
        |states: States| FlowRunFilter { state_types: states.types, state_names: states.names, ..filter.clone() };
    let runs = session.client.flow_runs(&in_states(first)).await?;
    let Some(second) = second else { return Ok(runs) };
    let others = session.client.flow_runs(&in_states(second)).await?;
    // The database puts both into its order.
    let ids = runs.iter().chain(&others).map(|run| run.id).collect();
    let both = FlowRunFilter { ids: Some(ids), page: filter.page, ..FlowRunFilter::default() };
    Ok(session.client.flow_runs(&both).await?)
}
