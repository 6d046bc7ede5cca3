//! `flowcore deployment apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use flowcore::FlowDescription;
use flowcore::client::{NewDeployment, Request, apply_deployment};
use flowcore_worker::Entrypoint;
use serde_json::{Value, json};

use crate::called;
use crate::commands::{agent, deploy, work_pool};
use crate::deploy_file::Manifest;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) async fn run(arguments: &Apply, session: &mut Session<'_>) -> Result<(), Failure> {
    // All are read before the first is applied.
    let read: Result<Vec<Manifest>, Failure> = arguments.files.iter().map(|file| Manifest::read(file)).collect();
    for manifest in read? {
        apply(manifest, session).await?;
    }
    Ok(())
}

async fn apply(manifest: Manifest, session: &mut Session<'_>) -> Result<(), Failure> {
    let Manifest { flow, entrypoint, path, pull, parameter_schema, triggers, mut spec } = manifest;
    let name = spec.name.clone().unwrap_or_default();
    let full = one_line(&format!("{flow}/{name}"));
    let entrypoint: Entrypoint =
        entrypoint.parse().map_err(|error| Failure::new(format!("the deployment `{full}`: {error}")))?;
    let pool = match spec.work_pool.name.take().or_else(|| session.settings.default_work_pool.clone()) {
        Some(pool) => {
            work_pool::must_exist(session, &pool).await?;
            pool
        }
        // In Prefect 2 a queue needed none.
        None => {
            make_agent_pool(session).await?;
            agent::POOL.to_owned()
        }
    };
    spec.work_pool.name = Some(pool.clone());
    let flow = FlowDescription {
        name: flow,
        description: String::new(),
        version: None,
        tags: Vec::new(),
        parameter_schema,
        place: entrypoint.to_string(),
    };
    let queue = spec.work_pool.work_queue_name.clone();
    let mut fields = deploy::body(spec, &flow)?;
    let here = std::env::current_dir()?;
    let folder = here.join(path.as_deref().unwrap_or(Path::new("")));
    let steps = match (pull, &entrypoint) {
        (Some(step), _) => vec![Value::Object(step)],
        (None, Entrypoint::Python(_)) => {
            vec![json!({"prefect.deployments.steps.set_working_directory": {"directory": folder}})]
        }
        (None, Entrypoint::Program { .. }) => Vec::new(),
    };
    fields.insert("entrypoint".to_owned(), json!(entrypoint.to_string()));
    fields.insert("path".to_owned(), json!(folder));
    fields.insert("pull_steps".to_owned(), json!(steps));
    let new = NewDeployment { flow: flow.name, flow_tags: Vec::new(), name, fields };
    let id = apply_deployment(&*session.client, &new).await?;
    if !triggers.is_empty() {
        deploy::replace_triggers(session, id, &new.name, triggers).await?;
    }
    session.out.line(format!("Deployed '{full}' ({id})."))?;
    let queue = queue.map(|queue| format!(" --work-queue '{}'", one_line(&queue))).unwrap_or_default();
    session.out.line(format!("A worker: {} worker start --pool '{}'{queue}", called::name(), one_line(&pool)))
}

/// Makes the pool of deployments that name none, unless it is there.
async fn make_agent_pool(session: &Session<'_>) -> Result<(), Failure> {
    let body = json!({"name": agent::POOL, "type": "process"});
    let made = session.client.ask(Request::post("/work_pools/", "make a work pool", &body)).await?;
    if !made.is_conflict() {
        made.accepted()?;
    }
    Ok(())
}
