//! What flow run to make for a call.

use serde_json::{Map, Value as Json};

use super::core::Engine;
use super::definition::FLOW_LABEL;
use super::error::Error;
use super::flow_call::FlowCallParts;
use super::names::{fill, made_up};
use super::subflow::Parent;
use super::tags::{Tags, add_tags};
use crate::model::{FlowRunId, FlowRunOrigin, Pauses};
use crate::orchestration::{Executor, NewFlowRun};

/// Says what run to make for a call.
pub(crate) fn new_run(
    engine: &Engine,
    call: &FlowCallParts,
    arguments: &Map<String, Json>,
    parent: Option<&Parent>,
    tags: &Tags,
    executor: Executor,
) -> Result<NewFlowRun, Error> {
    let options = call.options();
    let id = FlowRunId(engine.0.clock.uuid());
    let flow_name = call.name();
    let own_name = call.definition.name();
    let renamed = (own_name != flow_name).then(|| (FLOW_LABEL.to_owned(), own_name.into()));
    let name = match &options.flow_run_name {
        Some(template) => {
            let id = id.to_string();
            fill(template, arguments, &[("flow_name", &flow_name), ("flow_run_id", &id)])
        }
        None => made_up(engine.0.clock.random()),
    };
    let mut all = options.common.tags.clone();
    add_tags(&mut all, tags.list());
    Ok(NewFlowRun {
        id,
        flow_id: None,
        flow_name,
        flow_tags: call.definition.options.common.tags.clone(),
        name,
        tags: all,
        parameters: serde_json::value::to_raw_value(arguments)?,
        flow_version: options.common.version.clone(),
        parent_task_run_id: parent.map(Parent::id),
        parent_task_run: parent.map(|parent| Box::new(parent.task_run())),
        policy: options.common.retry_policy(),
        labels: renamed.into_iter().collect(),
        origin: FlowRunOrigin::default(),
        pauses: Pauses::default(),
        state: None,
        executor: Some(executor),
    })
}
