//! Triggers of deployments: automations that belong to a deployment and make runs of it.

use flowcore::client::{Request, path_segment};
use flowcore_worker::placeholders::{Unknown, with_outputs};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::session::Session;

/// Fills in the placeholders of triggers, but not those of their parameters: these are for the events that come.
pub(super) fn filled(triggers: Option<Value>, outputs: &Map<String, Value>) -> Option<Value> {
    let fill = |value: &Value| with_outputs(value, outputs, Unknown::Dropped);
    match triggers? {
        Value::Array(triggers) => Some(
            triggers
                .iter()
                .filter_map(|trigger| {
                    let mut filled = fill(trigger)?;
                    if let Some(parameters) = trigger.get("parameters") {
                        filled["parameters"] = parameters.clone();
                    }
                    Some(filled)
                })
                .collect(),
        ),
        other => fill(&other),
    }
}

/// Replaces the automations of a deployment by those that its triggers make.
pub(in crate::commands) async fn replace(
    session: &Session<'_>,
    deployment: Uuid,
    name: &str,
    triggers: Vec<Map<String, Value>>,
) -> Result<(), Failure> {
    let owner = format!("prefect.deployment.{deployment}");
    let path = format!("/automations/owned-by/{}", path_segment(&owner));
    session.client.ask(Request::delete(path, "remove a deployment's automations")).await?;
    for (place, trigger) in triggers.into_iter().enumerate() {
        let body = automation(deployment, &format!("{name}__automation_{}", place + 1), trigger);
        session
            .client
            .ask(Request::post("/automations/", "make an automation of a trigger", &body))
            .await?
            .accepted()?;
    }
    Ok(())
}

/// Writes a trigger as an automation: what is not about the automation or the run is the trigger itself.
fn automation(deployment: Uuid, name: &str, mut trigger: Map<String, Value>) -> Value {
    let mut take = |name: &str| trigger.remove(name).filter(|value| !value.is_null());
    let name = take("name").unwrap_or_else(|| json!(name));
    let description = take("description").unwrap_or_else(|| json!(""));
    let enabled = take("enabled").unwrap_or(Value::Bool(true));
    let mut action = json!({"type": "run-deployment", "source": "selected", "deployment_id": deployment});
    for field in ["parameters", "job_variables", "schedule_after"] {
        if let Some(value) = take(field) {
            action[field] = value;
        }
    }
    let kind = trigger.entry("type").or_insert_with(|| json!("event")).clone();
    if kind == "event" {
        trigger.entry("posture").or_insert_with(|| json!("Reactive"));
    }
    json!({
        "name": name, "description": description, "enabled": enabled, "trigger": trigger, "actions": [action],
        "owner_resource": format!("prefect.deployment.{deployment}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_an_automation_that_runs_the_deployment() {
        let trigger = json!([{
            "enabled": "{{ build.on }}", "match": {"prefect.resource.id": "s3.*"}, "expect": ["file.new"],
            "parameters": {"file": "{{ event.resource.name }}"},
        }]);
        let outputs = [("build".to_owned(), json!({"on": false}))].into_iter().collect();
        let trigger = filled(Some(trigger), &outputs).unwrap_or_default();
        let made = automation(Uuid::nil(), "d__automation_1", trigger[0].as_object().cloned().unwrap_or_default());
        let expected = json!({
            "name": "d__automation_1", "description": "", "enabled": false,
            "trigger": {"type": "event", "posture": "Reactive", "match": {"prefect.resource.id": "s3.*"}, "expect": ["file.new"]},
            "actions": [{"type": "run-deployment", "source": "selected", "deployment_id": Uuid::nil(),
                "parameters": {"file": "{{ event.resource.name }}"}}],
            "owner_resource": format!("prefect.deployment.{}", Uuid::nil()),
        });
        assert_eq!(made, expected);
    }
}
