//! `flowcore task-run`: what tasks did.

use clap::{Args, Subcommand};
use flowcore::model::{FlowRun, LogFilter, State, TaskInput, TaskRun, TaskRunFilter};
use serde::Serialize;

use super::listing::{Listing, may_be_more};
use super::log_lines::{self, LogArguments};
use super::run_report::{history, outcome, state_line, time_fields};
use crate::arguments::{LimitArguments, OrderArguments, OutputArguments};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::select;
use crate::session::Session;
use crate::states::{self, StateArgument, States};
use crate::time::run_time;

#[derive(Debug, Subcommand)]
pub(crate) enum TaskRunCommand {
    /// Lists task runs, newest first.
    Ls(Ls),
    /// Shows all that is known about a task run.
    Inspect(Inspect),
    /// Prints what a task run logged.
    Logs(Logs),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only task runs of this flow run: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
    /// Only task runs in this state: a name such as Failed, or a type such as FAILED. May be given several times.
    #[arg(long, alias = "state-type", value_name = "STATE")]
    state: Vec<StateArgument>,
    /// Only task runs of this name. May be given several times.
    #[arg(long, value_name = "NAME")]
    task_run_name: Vec<String>,
    /// Only task runs whose name contains this.
    #[arg(long, value_name = "TEXT")]
    name_like: Option<String>,
    #[command(flatten)]
    order: OrderArguments,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The task run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The task run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    #[command(flatten)]
    lines: LogArguments,
}

pub(super) async fn run(command: TaskRunCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        TaskRunCommand::Ls(arguments) => ls(arguments, session).await,
        TaskRunCommand::Inspect(arguments) => inspect(&arguments, session).await,
        TaskRunCommand::Logs(arguments) => {
            let run = select::task_run(&*session.client, &arguments.id).await?;
            let filter = LogFilter { task_run_id: Some(run.id), ..LogFilter::default() };
            log_lines::print(&arguments.lines, filter, "", session).await
        }
    }
}

async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let flow_run = match &arguments.flow_run {
        Some(text) => Some(select::flow_run(&*session.client, text).await?),
        None => None,
    };
    let filter = TaskRunFilter {
        flow_run_ids: flow_run.map(|run| vec![run.id]),
        names: (!arguments.task_run_name.is_empty()).then_some(arguments.task_run_name),
        name_like: arguments.name_like,
        order: arguments.order.order(),
        page: arguments.limit.page(),
        ..TaskRunFilter::default()
    };
    let runs = find(session, filter, States::new(&arguments.state)).await?;
    let listing = Listing {
        columns: &[
            Column::Whole("ID"),
            Column::Text("NAME"),
            Column::Whole("STATE"),
            Column::Whole("STARTED"),
            Column::Whole("DURATION"),
            Column::Whole("RUNS"),
        ],
        row,
        none: states::hint(&arguments.state).unwrap_or_else(|| "No task runs were found.".to_owned()),
        more: may_be_more(session.out, runs.len(), arguments.limit.rows(), arguments.order.which()),
    };
    listing.print(session.out, arguments.output, &runs)
}

fn row(out: &Output, run: &TaskRun) -> Vec<String> {
    vec![
        run.id.to_string(),
        run.name.clone(),
        run.state.name.to_string(),
        out.time_or_dash(run.times.start_time),
        run_time(&run.times, &run.state, out.now()),
        run.times.run_count.to_string(),
    ]
}

async fn find(session: &Session<'_>, filter: TaskRunFilter, states: States) -> Result<Vec<TaskRun>, Failure> {
    let (first, second) = states.alternatives();
    let in_states =
        |states: States| TaskRunFilter { state_types: states.types, state_names: states.names, ..filter.clone() };
    let runs = session.client.task_runs(&in_states(first)).await?;
    let Some(second) = second else { return Ok(runs) };
    let others = session.client.task_runs(&in_states(second)).await?;
    // The database puts both into its order.
    let ids = runs.iter().chain(&others).map(|run| run.id).collect();
    let both = TaskRunFilter { ids: Some(ids), page: filter.page, order: filter.order, ..TaskRunFilter::default() };
    Ok(session.client.task_runs(&both).await?)
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    run: &'a TaskRun,
    states: &'a [State],
    flow_run_name: Option<&'a str>,
}

async fn inspect(arguments: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = select::task_run(&*session.client, &arguments.id).await?;
    let states = session.client.task_run_states(run.id).await?;
    let flow_run = match run.flow_run_id {
        Some(id) => session.client.flow_run(id).await?,
        None => None,
    };
    if arguments.output.json() {
        let flow_run_name = flow_run.as_ref().map(|run| run.name.as_str());
        return session.out.json(&Report { run: &run, states: &states, flow_run_name });
    }
    let out = &mut *session.out;
    out.fields(&fields(out, &run, flow_run.as_ref()))?;
    outcome(out, &run.state)?;
    history(out, &states)
}

fn fields(out: &Output, run: &TaskRun, flow_run: Option<&FlowRun>) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("Task run", run.name.clone()),
        ("ID", run.id.to_string()),
        ("Task", run.task_key.to_string()),
        ("State", state_line(out, &run.state)),
    ];
    match (flow_run, run.flow_run_id) {
        (Some(flow_run), _) => fields.push(("Flow run", format!("{} ({})", flow_run.name, flow_run.id))),
        (None, Some(id)) => fields.push(("Flow run", id.to_string())),
        (None, None) => {}
    }
    fields.extend(time_fields(out, &run.times, &run.state));
    fields.push(("Retries", run.empirical_policy.max_retries().to_string()));
    if let Some(child) = run.state.details.as_ref().and_then(|details| details.child_flow_run_id) {
        fields.push(("Subflow run", child.to_string()));
    }
    if !run.tags.is_empty() {
        fields.push(("Tags", run.tags.join(", ")));
    }
    if let Some(version) = &run.task_version {
        fields.push(("Task version", version.to_string()));
    }
    if let Some(key) = &run.cache_key {
        fields.push(("Cache key", key.clone()));
    }
    let inputs = run.task_inputs.iter().filter(|(_, sources)| !sources.is_empty());
    fields.extend(inputs.map(|(parameter, sources)| {
        let sources: Vec<String> = sources.iter().map(source).collect();
        ("Input", format!("{parameter} from {}", sources.join(", ")))
    }));
    fields
}

fn source(input: &TaskInput) -> String {
    match input {
        TaskInput::TaskRun { id } => format!("task run {id}"),
        TaskInput::FlowRun { id } => format!("flow run {id}"),
        TaskInput::Parameter { name } => format!("parameter {name}"),
        TaskInput::Constant { kind } => format!("a value of type {kind}"),
    }
}
