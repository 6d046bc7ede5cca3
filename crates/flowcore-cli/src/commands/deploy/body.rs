//! What is said of a deployment, in the API's form: all but where its flow is.

use flowcore::FlowDescription;
use serde_json::{Map, Value, json};

use crate::deploy_file::{ConcurrencyLimit, Spec};
use crate::failure::Failure;

/// Writes what a file says of a deployment, and of its flow what the file leaves open.
pub(in crate::commands) fn body(spec: Spec, flow: &FlowDescription) -> Result<Map<String, Value>, Failure> {
    let mut tags = flow.tags.clone();
    tags.extend(spec.tags.into_iter().filter(|tag| !flow.tags.contains(tag)));
    let mut fields = Map::new();
    let mut say = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    say("work_pool_name", json!(spec.work_pool.name));
    if let Some(queue) = &spec.work_pool.work_queue_name {
        say("work_queue_name", json!(queue));
    }
    say("job_variables", json!(spec.work_pool.job_variables));
    say("description", json!(spec.description.as_ref().unwrap_or(&flow.description)));
    say("version", json!(spec.version.as_ref().or(flow.version.as_ref())));
    say("tags", json!(tags));
    say("parameters", json!(spec.parameters));
    say("parameter_openapi_schema", flow.parameter_schema.clone());
    say("enforce_parameter_schema", json!(spec.enforce_parameter_schema.unwrap_or(true)));
    if let Some(labels) = spec.labels {
        say("labels", json!(labels));
    }
    if let Some(paused) = spec.paused {
        say("paused", json!(paused));
    }
    if let Some(schedules) = spec.schedules {
        let bodies: Result<Vec<Value>, String> = schedules.into_iter().map(|schedule| schedule.body()).collect();
        say("schedules", json!(bodies.map_err(Failure::new)?));
    }
    if let Some(ConcurrencyLimit { limit, collision_strategy, grace_period_seconds }) = spec.concurrency_limit {
        let mut options = json!({"collision_strategy": collision_strategy.as_deref().unwrap_or("ENQUEUE")});
        if let Some(grace) = grace_period_seconds {
            options["grace_period_seconds"] = json!(grace);
        }
        say("concurrency_limit", json!(limit));
        say("concurrency_options", options);
    }
    Ok(fields)
}
