//! `flowcore flow-run inspect`.

use std::collections::BTreeMap;

use clap::Args;
use flowcore::client::Client;
use flowcore::model::{FlowRun, FlowRunFilter, FlowRunId, Page, State, StateType, TaskRunFilter, TaskRunId};
use serde::Serialize;

use super::resume::expected;
use crate::arguments::OutputArguments;
use crate::commands::run_report::{history, outcome, pretty, state_line, time_fields};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::program::{command_line, resume_command, retriable, retry_command};
use crate::select;
use crate::session::Session;
use crate::text::indented;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    #[command(flatten)]
    output: OutputArguments,
}

/// All that is known about a flow run.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    run: FlowRun,
    /// Its history, oldest first.
    states: Vec<State>,
    /// How many of its task runs are in which state.
    task_run_counts: BTreeMap<String, u64>,
    /// The run that it is a subflow of.
    parent: Option<Parent>,
    /// The runs that are subflows of it.
    subflows: Vec<Subflow>,
    retry: Retry,
}

#[derive(Serialize)]
struct Parent {
    flow_run_id: Option<FlowRunId>,
    flow_run_name: Option<String>,
    task_run_id: TaskRunId,
}

#[derive(Serialize)]
struct Subflow {
    id: FlowRunId,
    name: String,
    flow_name: String,
    state_name: String,
}

/// How to execute the run again, or why that cannot be done.
#[derive(Serialize)]
struct Retry {
    command: Option<String>,
    reason: Option<String>,
}

pub(super) async fn run(arguments: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = select::flow_run(&*session.client, &arguments.id).await?;
    let report = report(&*session.client, run).await?;
    if arguments.output.json() { session.out.json(&report) } else { show(session.out, &report) }
}

async fn report(client: &dyn Client, run: FlowRun) -> Result<Report, Failure> {
    let states = client.flow_run_states(run.id).await?;
    let parent = match run.parent_task_run_id {
        Some(id) => Some(parent(client, id).await?),
        None => None,
    };
    let task_run_counts = task_run_counts(client, run.id).await?;
    let subflows = subflows(client, run.id).await?;
    let retry = match retriable(&run) {
        Ok(_) => Retry { command: Some(retry_command(&run)), reason: None },
        Err(reason) => Retry { command: None, reason: Some(reason) },
    };
    Ok(Report { run, states, task_run_counts, parent, subflows, retry })
}

async fn parent(client: &dyn Client, task_run_id: TaskRunId) -> Result<Parent, Failure> {
    let filter = TaskRunFilter { ids: Some(vec![task_run_id]), ..TaskRunFilter::default() };
    let flow_run_id = client.task_runs(&filter).await?.first().and_then(|run| run.flow_run_id);
    let flow_run = match flow_run_id {
        Some(id) => client.flow_run(id).await?,
        None => None,
    };
    Ok(Parent { flow_run_id, flow_run_name: flow_run.map(|run| run.name), task_run_id })
}

/// Counts a flow run's task runs by the names of their states.
async fn task_run_counts(client: &dyn Client, id: FlowRunId) -> Result<BTreeMap<String, u64>, Failure> {
    let mut counts = BTreeMap::new();
    for row in client.task_run_counts(id).await? {
        // A name may go with several types.
        *counts.entry(row.name).or_default() += row.count;
    }
    Ok(counts)
}

/// Finds a flow run's subflows, in the order in which they were made.
async fn subflows(client: &dyn Client, id: FlowRunId) -> Result<Vec<Subflow>, Failure> {
    let parents = Some(vec![id]);
    let filter = FlowRunFilter { parent_flow_run_ids: parents, page: Page::ALL, ..FlowRunFilter::default() };
    // Newest first as they are listed; in the order of their making they are easier to follow.
    let subflow = |run: FlowRun| Subflow {
        id: run.id,
        name: run.name,
        flow_name: run.flow_name,
        state_name: run.state.name.into_owned(),
    };
    Ok(client.flow_runs(&filter).await?.into_iter().rev().map(subflow).collect())
}

fn show(out: &mut Output, report: &Report) -> Result<(), Failure> {
    let run = &report.run;
    out.fields(&fields(out, report))?;
    if run.parameters.get() != "{}" {
        out.heading("Parameters")?;
        out.line(indented(&pretty(run.parameters.get())))?;
    }
    outcome(out, &run.state)?;
    history(out, &report.states)?;
    if !report.subflows.is_empty() {
        out.heading("Subflows")?;
        let row = |subflow: &Subflow| {
            let Subflow { id, name, flow_name, state_name } = subflow;
            vec![format!("  {id}"), flow_name.clone(), name.clone(), state_name.clone()]
        };
        let rows: Vec<Vec<String>> = report.subflows.iter().map(row).collect();
        let columns = [Column::Whole("  ID"), Column::Text("FLOW"), Column::Text("NAME"), Column::Whole("STATE")];
        out.table(&columns, &rows)?;
    }
    if run.state.kind == StateType::Paused {
        out.heading("Waits for a resume")?;
        if let Some(limit) = run.state.details.as_ref().and_then(|details| details.pause_timeout) {
            out.line(format!("  until {}", out.time(limit)))?;
        }
        for line in expected(run) {
            out.line(line)?;
        }
        out.line(format!("  {}", resume_command(run)))?;
    }
    if let Some(command) = &report.retry.command {
        out.heading("Retry with")?;
        out.line(format!("  {command}"))?;
    } else if let Some(reason) = report.retry.reason.as_ref().filter(|_| ended_badly(run)) {
        out.heading("Cannot be retried")?;
        out.line(format!("  {reason}"))?;
    }
    Ok(())
}

/// Tells whether somebody may want to retry the run.
fn ended_badly(run: &FlowRun) -> bool {
    run.state.is_terminal() && !run.state.is_completed()
}

fn fields(out: &Output, report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let flow = match &run.flow_version {
        Some(version) => format!("{} (version {version})", run.flow_name),
        None => run.flow_name.clone(),
    };
    let mut fields = vec![
        ("Flow run", run.name.clone()),
        ("ID", run.id.to_string()),
        ("Flow", flow),
        ("State", state_line(out, &run.state)),
        ("Created", out.time(run.created)),
    ];
    fields.extend(time_fields(out, &run.times, &run.state));
    fields.push(("Retries", run.empirical_policy.max_retries().to_string()));
    if !run.tags.is_empty() {
        fields.push(("Tags", run.tags.join(", ")));
    }
    if !run.labels.is_empty() {
        let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={}", label(value))).collect();
        fields.push(("Labels", labels.join(", ")));
    }
    if let Some(parent) = &report.parent {
        let text = match (&parent.flow_run_name, parent.flow_run_id) {
            (Some(name), Some(id)) => format!("{name} ({id})"),
            (None, Some(id)) => id.to_string(),
            _ => format!("task run {}, which is gone", parent.task_run_id),
        };
        fields.push(("Parent", text));
    }
    let counts: Vec<String> = report.task_run_counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    fields.push(("Task runs", counts));
    if let Some(process) = run.process_id {
        fields.push(("Process", process.to_string()));
    }
    if let Some(program) = &run.program {
        fields.push(("Program", command_line(program)));
        fields.push(("Folder", program.directory.display().to_string()));
    }
    fields
}

/// Writes a label's value as people do: a text without quotes.
fn label(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
