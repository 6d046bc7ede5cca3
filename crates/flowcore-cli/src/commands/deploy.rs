//! `flowcore deploy`: a flow of a program, for the workers of a pool.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flowcore::client::{NewDeployment, apply_deployment};
use flowcore_worker::{Entrypoint, describe};
use serde_json::{Map, Value, json};

use super::deployment::{pairs, parameters};
use super::work_pool;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The program and the name of its flow: path/to/program:flow-name. Workers start it from this folder.
    entrypoint: String,
    /// The deployment's name, unique among those of the flow.
    #[arg(long, short, value_name = "NAME")]
    name: String,
    /// The work pool whose workers execute its runs.
    #[arg(long, short, value_name = "NAME")]
    pool: String,
    /// The queue of that pool.
    #[arg(long, short = 'q', value_name = "NAME")]
    work_queue: Option<String>,
    /// Make runs by a cron expression; may be given several times, as the other kinds of schedules. Without any, those that
    /// the server has stay.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Vec<String>,
    /// Make runs every so many seconds.
    #[arg(long, value_name = "SECONDS")]
    interval: Vec<u32>,
    /// Make runs by a recurrence rule of iCalendar.
    #[arg(long, value_name = "RULE")]
    rrule: Vec<String>,
    /// The zone in which schedules count local time, such as Europe/Oslo.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Take all schedules away.
    #[arg(long, conflicts_with_all = ["cron", "interval", "rrule"])]
    no_schedules: bool,
    /// A parameter of its runs; VALUE is read as JSON where it is JSON. May be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Parameters as a JSON object.
    #[arg(long = "params", value_name = "JSON")]
    all: Option<String>,
    /// Let runs be made whose parameters do not fit the flow's.
    #[arg(long)]
    no_enforce_parameter_schema: bool,
    /// A tag of its runs; may be given several times.
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,
    /// What it is for; without it, what the flow is for.
    #[arg(long, short)]
    description: Option<String>,
    /// Its version; without it, that of the flow.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// How many of its runs may be under way at once.
    #[arg(long, value_name = "N")]
    concurrency_limit: Option<u32>,
    /// What becomes of a run for which the limit has no slot.
    #[arg(long, requires = "concurrency_limit", default_value = "enqueue")]
    collision_strategy: Collision,
    /// A variable of the job; may be given several times.
    #[arg(long = "job-variable", short = 'j', value_name = "NAME=VALUE")]
    job_variables: Vec<String>,
    /// Let its schedules rest at first.
    #[arg(long)]
    paused: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Collision {
    Enqueue,
    CancelNew,
}

pub(super) async fn run(deploy: Box<Deploy>, session: &mut Session<'_>) -> Result<(), Failure> {
    let entrypoint: Entrypoint = deploy.entrypoint.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let Entrypoint::Program { path, flow } = entrypoint else {
        return Err(Failure::Usage(format!(
            "`{}` is a flow in Python: deploy it with `prefect deploy`, which this server understands",
            one_line(&deploy.entrypoint)
        )));
    };
    let new = deployment(&deploy, &path, &flow).await?;
    work_pool::must_exist(session, &deploy.pool).await?;
    let id = apply_deployment(&*session.client, &new).await?;
    let full = format!("{flow}/{}", deploy.name);
    session.out.line(format!("Deployed '{}' ({id}).", one_line(&full)))?;
    session.out.line(format!("A run of it: flowcore deployment run '{}'", one_line(&full)))?;
    session.out.line(format!("A worker: flowcore worker start --pool '{}'", one_line(&deploy.pool)))
}

async fn deployment(deploy: &Deploy, path: &Path, flow: &str) -> Result<NewDeployment, Failure> {
    let program = describe(path).await.map_err(|error| Failure::new(error.to_string()))?;
    let Some(described) = program.flows.iter().find(|described| described.name == flow) else {
        let known: Vec<&str> = program.flows.iter().map(|flow| flow.name.as_str()).collect();
        let (flow, known) = (one_line(flow), known.join(", "));
        return Err(Failure::new(format!("the program has no flow named `{flow}`; it has: {known}")));
    };
    let directory: PathBuf = std::env::current_dir()?;
    let parameters = parameters(deploy.all.as_deref(), &deploy.parameters)?;
    let mut tags = described.tags.clone();
    tags.extend(deploy.tags.iter().filter(|tag| !described.tags.contains(tag)).cloned());
    let mut fields = Map::new();
    let mut say = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    say("entrypoint", json!(format!("{}:{flow}", path.display())));
    say("path", json!(directory));
    say("work_pool_name", json!(deploy.pool));
    if let Some(queue) = &deploy.work_queue {
        say("work_queue_name", json!(queue));
    }
    say("description", json!(deploy.description.as_ref().unwrap_or(&described.description)));
    say("version", json!(deploy.version.as_ref().or(described.version.as_ref())));
    say("tags", json!(tags));
    say("parameters", json!(parameters));
    say("parameter_openapi_schema", described.parameter_schema.clone());
    say("enforce_parameter_schema", json!(!deploy.no_enforce_parameter_schema));
    say("job_variables", json!(pairs(&deploy.job_variables)?));
    let schedules = schedules(deploy);
    if !schedules.is_empty() || deploy.no_schedules {
        say("schedules", json!(schedules));
    }
    if deploy.paused {
        say("paused", json!(true));
    }
    if let Some(limit) = deploy.concurrency_limit {
        let strategy = match deploy.collision_strategy {
            Collision::Enqueue => "ENQUEUE",
            Collision::CancelNew => "CANCEL_NEW",
        };
        say("concurrency_limit", json!(limit));
        say("concurrency_options", json!({"collision_strategy": strategy}));
    }
    Ok(NewDeployment { flow: flow.to_owned(), flow_tags: described.tags.clone(), name: deploy.name.clone(), fields })
}

fn schedules(deploy: &Deploy) -> Vec<Value> {
    let cron = deploy.cron.iter().map(|cron| json!({"cron": cron}));
    let interval = deploy.interval.iter().map(|seconds| json!({"interval": seconds}));
    let rrule = deploy.rrule.iter().map(|rule| json!({"rrule": rule}));
    let all = cron.chain(interval).chain(rrule).map(|mut schedule| {
        if let Some(zone) = &deploy.timezone {
            schedule["timezone"] = json!(zone);
        }
        json!({"active": true, "schedule": schedule})
    });
    all.collect()
}
