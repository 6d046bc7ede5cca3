//! Making deployments of this program's flows known to a server.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::deployment::{Collision, Deployment};
use crate::client::{NewDeployment, apply_deployment};
use crate::engine::core::Engine;
use crate::engine::error::Error;
use crate::engine::program;

/// Who executes the runs of a deployment.
pub(super) enum Place {
    /// Whoever serves it.
    Here,
    /// The workers of a pool.
    Pool(String),
}

/// Makes a deployment, or changes the one of its name, and gives its id.
pub(super) async fn register(engine: &Engine, deployment: &Deployment, place: Place) -> Result<Uuid, Error> {
    let new = NewDeployment {
        flow: deployment.flow.name(),
        flow_tags: deployment.flow.tags().to_vec(),
        name: deployment.name.clone(),
        fields: fields(deployment, place)?,
    };
    Ok(apply_deployment(&*engine.0.client, &new).await?)
}

fn fields(deployment: &Deployment, place: Place) -> Result<Map<String, Value>, Error> {
    if let Some(problem) = &deployment.problem {
        return Err(Error::msg(problem.clone()));
    }
    let flow = deployment.flow;
    let program = program::current().ok_or_else(|| {
        Error::msg("the operating system does not say where this program is, so that nobody could start it")
    })?;
    let mut fields = Map::new();
    let mut say = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    say("version", json!(deployment.version.as_deref().or_else(|| flow.version())));
    say("description", json!(deployment.description.as_deref().unwrap_or_else(|| flow.description())));
    say("tags", json!(deployment.tags));
    say("parameters", json!(deployment.parameters));
    say("parameter_openapi_schema", flow.parameter_schema());
    say("enforce_parameter_schema", json!(deployment.checks_parameters));
    say("entrypoint", json!(format!("{}:{}", program.executable.display(), flow.name())));
    say("path", json!(program.directory));
    say("job_variables", json!(deployment.job_variables));
    // What is absent stays as it is.
    if let Some(schedules) = &deployment.schedules {
        say("schedules", json!(schedules.iter().map(|schedule| schedule.body()).collect::<Result<Vec<_>, _>>()?));
    }
    if let Some(paused) = deployment.paused {
        say("paused", json!(paused));
    }
    if let Some((limit, collision)) = deployment.limit {
        let strategy = match collision {
            Collision::Enqueue => "ENQUEUE",
            Collision::CancelNew => "CANCEL_NEW",
        };
        say("concurrency_limit", json!(limit));
        say("concurrency_options", json!({"collision_strategy": strategy}));
    }
    if let Place::Pool(pool) = place {
        say("work_pool_name", json!(pool));
        if let Some(queue) = &deployment.work_queue {
            say("work_queue_name", json!(queue));
        }
    }
    Ok(fields)
}
