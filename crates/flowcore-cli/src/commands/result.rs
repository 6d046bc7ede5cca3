//! `flowcore result`: where the result of a run is, and whether it can be read.

use clap::{Args, Subcommand};
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{ResultMetadata, State, StateData};
use flowcore::results::{Lookup, Serializer};
use serde::Serialize;
use serde_json::Value;

use super::cache::storage;
use super::run_report::pretty;
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::select;
use crate::session::Session;
use crate::text::{indented, size};

/// Up to this size a value is shown.
const SHORT: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum ResultCommand {
    /// Shows where the result of a run is, how it is written, whether it can be read, and the value if it is short.
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The flow run or task run: its id, the beginning of it (at least 4 digits), or its name.
    #[arg(value_name = "RUN")]
    run: String,
    /// Print the serialized result and nothing else, whatever its size.
    #[arg(long, conflicts_with = "output")]
    raw: bool,
    #[command(flatten)]
    output: OutputArguments,
}

/// What is known of a result.
#[derive(Serialize)]
struct Report {
    run: String,
    state: String,
    /// `run` for the run's own row, or the address of a storage.
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<ResultMetadata>,
    serializer: Option<String>,
    size: Option<u64>,
    /// Whether it can be read, or why not.
    readable: Result<(), String>,
    /// The value if it is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip)]
    payload: Vec<u8>,
}

pub(super) async fn run(command: ResultCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let ResultCommand::Inspect(arguments) = command;
    let (name, state) = find(&arguments.run, session).await?;
    let report = report(name, &state, session).await?;
    if arguments.raw {
        return match report.readable {
            Ok(()) => session.out.bytes(&report.payload),
            Err(reason) => Err(Failure::new(format!("the result cannot be read: {reason}"))),
        };
    }
    if arguments.output.json() { session.out.json(&report) } else { show(session.out, &report) }
}

/// Finds the run that is meant, of either kind.
async fn find(text: &str, session: &Session<'_>) -> Result<(String, State), Failure> {
    match select::flow_run(&*session.client, text).await {
        Ok(run) => Ok((format!("flow run {} ({})", run.name, run.id), run.state)),
        Err(no_flow_run) => match select::task_run(&*session.client, text).await {
            Ok(run) => Ok((format!("task run {} ({})", run.name, run.id), run.state)),
            Err(_) => Err(no_flow_run),
        },
    }
}

async fn report(run: String, state: &State, session: &Session<'_>) -> Result<Report, Failure> {
    let mut report = Report {
        run,
        state: state.name.to_string(),
        place: None,
        record: None,
        serializer: None,
        size: None,
        readable: Err("the run has no result".to_owned()),
        value: None,
        payload: Vec::new(),
    };
    match state.data.as_deref() {
        Some(StateData::Inline { value } | StateData::Foreign { value }) => {
            report.place = Some("run".to_owned());
            report.serializer = Some(Serializer::JSON.to_string());
            report.size = Some(value.get().len() as u64);
            report.payload = value.get().as_bytes().to_vec();
            report.readable = Ok(());
            report.value = short(&report.payload, Serializer::JSON).unwrap_or_default();
        }
        Some(StateData::Stored { record }) => {
            report.place = Some(record.storage.clone());
            report.serializer = Some(record.serializer.clone());
            report.size = Some(record.size);
            (report.payload, report.readable) = read(record, session).await;
            if report.readable.is_ok() {
                match record.serializer.parse::<Serializer>() {
                    Ok(serializer) => match short(&report.payload, serializer) {
                        Ok(value) => report.value = value,
                        Err(reason) => report.readable = Err(reason),
                    },
                    Err(error) => report.readable = Err(error.to_string()),
                }
            }
            report.record = Some((**record).clone());
        }
        Some(StateData::Failure { chain, .. }) => {
            report.readable = Err(format!("the run failed: {}", chain.join(": ")));
        }
        None if state.is_completed() => report.readable = Err("the result was not kept".to_owned()),
        None => {}
    }
    Ok(report)
}

/// Reads a stored result: its bytes, or why it cannot be had.
async fn read(record: &ResultMetadata, session: &Session<'_>) -> (Vec<u8>, Result<(), String>) {
    let opened = storage(session).map_err(|failure| failure.message().unwrap_or_default().to_owned());
    let opened = opened.and_then(|own| own.another(&record.storage).map_err(|error| error.to_string()));
    let found = match opened {
        Ok(storage) => storage.read_record(record, SystemClock.now()).await,
        Err(reason) => return (Vec::new(), Err(reason)),
    };
    match found {
        Lookup::Found { payload, .. } => (payload, Ok(())),
        Lookup::Missing => (Vec::new(), Err("it is not there any more".to_owned())),
        Lookup::Expired => (Vec::new(), Err("it has expired".to_owned())),
        Lookup::Damaged { reason } | Lookup::Unreachable { reason } => (Vec::new(), Err(reason)),
    }
}

/// Reads the value if it is short.
fn short(payload: &[u8], serializer: Serializer) -> Result<Option<Value>, String> {
    if payload.len() as u64 > SHORT {
        return Ok(None);
    }
    serializer.decode(payload).map(Some).map_err(|error| error.to_string())
}

fn show(out: &mut Output, report: &Report) -> Result<(), Failure> {
    let mut fields = vec![("Run", report.run.clone()), ("State", report.state.clone())];
    let place = match report.place.as_deref() {
        Some("run") => Some("in the run's own row".to_owned()),
        place => place.map(str::to_owned),
    };
    fields.extend(place.map(|place| ("Place", place)));
    if let Some(record) = &report.record {
        fields.push(("Key", record.storage_key.clone()));
    }
    fields.extend(report.serializer.clone().map(|serializer| ("Serializer", serializer)));
    fields.extend(report.size.map(|bytes| ("Size", size(bytes))));
    if let Some(record) = &report.record {
        fields.push(("Expires", out.time_or_dash(record.expiration)));
    }
    fields.push((
        "Readable",
        match &report.readable {
            Ok(()) => "yes".to_owned(),
            Err(reason) => format!("no: {reason}"),
        },
    ));
    out.fields(&fields)?;
    match (&report.value, &report.readable) {
        (Some(value), _) => {
            out.heading("Value")?;
            out.line(indented(&pretty(&value.to_string())))
        }
        (None, Ok(())) => out.line("\nThe value is long: print it with --raw."),
        (None, Err(_)) => Ok(()),
    }
}
