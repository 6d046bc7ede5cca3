//! `flowcore flow-run resume`.

use clap::Args;
use flowcore::model::{FlowRun, StateName, StateType};
use flowcore::orchestration::{Decision, InputField, Resumption, input_fields, read_input_field, takes_input_field};
use serde_json::{Map, Value};

use super::relaunch::Relaunch;
use super::witness::{Swept, sweep};
use crate::failure::Failure;
use crate::output::note;
use crate::program::launchable;
use crate::select;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name.
    id: String,
    /// A field of the input that the run waits for. May be given several times. Values are read as the run's schema says:
    /// texts as they are, others as JSON.
    #[arg(long, value_name = "NAME=VALUE", value_parser = field, conflicts_with = "input_json")]
    input: Vec<(String, String)>,
    /// The whole input that the run waits for, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json)]
    input_json: Option<Value>,
    /// Start the program of a suspended run in the background, print the number of its process, and do not wait for it.
    #[arg(long)]
    detach: bool,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

/// Gives the program's exit code if one was started.
pub(super) async fn run(arguments: Resume, session: &mut Session<'_>) -> Result<u8, Failure> {
    let found = select::flow_run(&*session.client, &arguments.id).await?;
    // What is paused in a process that has died is suspended from then on.
    let swept = sweep(session).await?;
    let former = session.client.flow_run(found.id).await?.unwrap_or(found);
    let shown = one_line(&former.name);
    let refuse = |reason: String| Err(Failure::new(format!("flow run '{shown}' cannot be resumed: {reason}")));
    let given = given(&arguments, &former)?;
    let program = match (former.state.kind, former.state.is_suspended()) {
        (StateType::Paused, false) => {
            let resumed = resume(session, &former, given).await?;
            session.out.line(format!("Flow run '{shown}' goes on{}.", process(&resumed, &swept)))?;
            return Ok(0);
        }
        (StateType::Paused, true) => launchable(&former),
        // It was resumed, and its program did not take it.
        (StateType::Scheduled, _) if former.state.name == StateName::RESUMING => match given {
            Some(_) => return refuse("it has its input already; start it without any".to_owned()),
            None => launchable(&former),
        },
        _ => return refuse(format!("it is {}, and not paused", former.state.name)),
    };
    let program = match program {
        Ok(program) => program.clone(),
        Err(reason) => return refuse(reason),
    };
    let scheduled = match former.state.kind {
        StateType::Paused => resume(session, &former, given).await?,
        _ => former.clone(),
    };
    Relaunch { former, scheduled, program, detach: arguments.detach, doing: "Resuming" }.run(session).await
}

/// Puts the input together, as the run's schema has it.
fn given(arguments: &Resume, run: &FlowRun) -> Result<Option<Value>, Failure> {
    if arguments.input_json.is_some() || arguments.input.is_empty() {
        return Ok(arguments.input_json.clone());
    }
    let schema = run.state.details.as_ref().and_then(|details| details.input_schema.as_ref()).unwrap_or(&Value::Null);
    let strangers = arguments.input.iter().filter(|(name, _)| !takes_input_field(schema, name));
    let strangers: Vec<String> = strangers.map(|(name, _)| format!("{name}: there is no such field")).collect();
    if !strangers.is_empty() {
        return Err(wrong_input(run, &strangers));
    }
    let read = |(name, text): &(String, String)| (name.clone(), read_input_field(schema, name, text));
    Ok(Some(Value::Object(arguments.input.iter().map(read).collect::<Map<_, _>>())))
}

/// Says what is wrong with the input, and what the run expects.
fn wrong_input(run: &FlowRun, problems: &[String]) -> Failure {
    let mut message = format!("flow run '{}' waits for another input:", one_line(&run.name));
    for problem in problems {
        message.push_str(&format!("\n  {}", one_line(problem)));
    }
    let expected = expected(run);
    if !expected.is_empty() {
        message.push_str(&format!("\nIt expects:\n{}", expected.join("\n")));
    }
    Failure::new(message)
}

/// Resumes the run; gives it as it stands then.
async fn resume(session: &Session<'_>, run: &FlowRun, input: Option<Value>) -> Result<FlowRun, Failure> {
    let shown = one_line(&run.name);
    let answer = match session.client.resume_flow_run(run, input).await? {
        Resumption::Decided(answer) => answer,
        Resumption::WrongInput(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(wrong_input(run, &problems));
        }
    };
    match answer.decision {
        Decision::Accept(_) => Ok(answer.run),
        Decision::Reject(_, reason) | Decision::Stay(reason) | Decision::Abort(reason) => {
            Err(Failure::new(format!("flow run '{shown}' cannot be resumed: {reason}")))
        }
        Decision::Wait(_) => {
            note("The run is not due yet.");
            Ok(answer.run)
        }
    }
}

/// Lists what a paused run expects to be told, a line for each field.
pub(super) fn expected(run: &FlowRun) -> Vec<String> {
    let Some(schema) = run.state.details.as_ref().and_then(|details| details.input_schema.as_ref()) else {
        return Vec::new();
    };
    let fields = input_fields(schema);
    let longest = fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    let line = |field: &InputField| {
        let optional = if field.required { "" } else { ", may be left out" };
        match field.name.as_str() {
            "" => format!("  {}", field.expected),
            name => format!("  {name:longest$}  {}{optional}", field.expected),
        }
    };
    fields.iter().map(line).collect()
}

/// Says which process has the run.
fn process(run: &FlowRun, swept: &Swept) -> String {
    swept.alive(run.process_id).map_or_else(String::new, |lease| format!(" in process {} on {}", lease.pid, lease.host))
}
