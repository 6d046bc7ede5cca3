//! `flowcore deployment run`.

use std::io::Read;
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use clap::Args;
use flowcore::client::{Repeat, Request};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::found::Which;
use crate::commands::flow_run::{self, Patience};
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;
use crate::time::Span;

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    which: Which,
    /// A parameter over that of the deployment; VALUE is read as JSON where it is JSON. May be given several times.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Parameters as a JSON object; - reads it from standard input.
    #[arg(long = "params", value_name = "JSON")]
    all: Option<String>,
    /// Let it begin so long from now: 90 or 90s, 15m, 2h, "10 minutes", 1d.
    #[arg(long, value_name = "TIME", conflicts_with = "start_at")]
    start_in: Option<Span>,
    /// Let it begin at this time, such as 2026-12-24T18:00:00+01:00.
    #[arg(long, value_name = "TIME")]
    start_at: Option<DateTime<Utc>>,
    /// A tag of the run; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A variable of the job; may be given several times.
    #[arg(long = "job-variable", short = 'j', value_name = "NAME=VALUE")]
    job_variables: Vec<String>,
    /// The run's name; without it one is made up.
    #[arg(long, value_name = "NAME")]
    flow_run_name: Option<String>,
    /// Follow the run until it ends. Exit code: 0 if it has completed, else 1.
    #[arg(long)]
    watch: bool,
    /// How often to look at it, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "watch")]
    watch_interval: Option<NonZeroU32>,
    /// Stop following it after so many seconds, which is a failure.
    #[arg(long, value_name = "SECONDS", requires = "watch")]
    watch_timeout: Option<u32>,
}

#[derive(Deserialize)]
struct Made {
    id: Uuid,
    name: String,
}

pub(super) async fn run(run: Run, session: &mut Session<'_>) -> Result<u8, Failure> {
    let deployment = run.which.find(session).await?;
    let parameters = parameters(run.all.as_deref(), &run.parameters)?;
    let mut body = json!({"parameters": parameters, "tags": run.tags, "job_variables": pairs(&run.job_variables)?});
    if let Some(name) = &run.flow_run_name {
        body["name"] = json!(name);
    }
    let in_time = run.start_in.map(|Span(span)| Utc::now() + span);
    if let Some(at) = run.start_at.or(in_time) {
        body["state"] = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": at}});
    }
    // So that a request whose answer was lost makes no second run.
    body["idempotency_key"] = json!(Uuid::now_v7());
    let path = format!("/deployments/{}/create_flow_run", deployment.id);
    let what = format!("make a run of the deployment `{}`", one_line(&run.which.text()));
    let made: Made = session.client.ask(Request::post(path, what, &body).repeat(Repeat::Safely)).await?.read()?;
    session.out.line(format!("Made the flow run '{}' ({}).", one_line(&made.name), made.id))?;
    if !run.watch {
        return Ok(0);
    }
    session.out.flush()?;
    let patience = Patience { interval: run.watch_interval, timeout: run.watch_timeout };
    flow_run::watch(&made.id.to_string(), patience, session).await
}

/// Reads parameters: a JSON object, which may come from standard input, and over it `name=value` pairs.
pub(in crate::commands) fn parameters(all: Option<&str>, given: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut parameters = all.map(|all| object("--params", all)).transpose()?.unwrap_or_default();
    parameters.extend(pairs(given)?);
    Ok(parameters)
}

/// Reads a JSON object, which may come from standard input. `flag` is what it was given by.
pub(in crate::commands) fn object(flag: &str, given: &str) -> Result<Map<String, Value>, Failure> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        let unread = |error| Failure::new(format!("standard input cannot be read: {error}"));
        std::io::stdin().read_to_string(&mut text).map_err(unread)?;
    }
    serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("{flag} is no JSON object: {error}")))
}

/// Reads `name=value` pairs.
pub(in crate::commands) fn pairs(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let read = |pair: &String| {
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::Usage(format!("`{}` is no NAME=VALUE", one_line(pair))))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok((name.to_owned(), value))
    };
    given.iter().map(read).collect()
}
