//! What an automation does.

use flowcore::model::StateType;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::seconds::Seconds;
use super::template::check_template;

/// What an automation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Action {
    DoNothing {},
    RunDeployment(RunDeployment),
    PauseDeployment(OnDeployment),
    ResumeDeployment(OnDeployment),
    CancelFlowRun {},
    DeleteFlowRun {},
    ChangeFlowRunState(ChangeFlowRunState),
    PauseWorkQueue(OnWorkQueue),
    ResumeWorkQueue(OnWorkQueue),
    SendNotification(SendNotification),
    CallWebhook(CallWebhook),
    PauseAutomation(OnAutomation),
    ResumeAutomation(OnAutomation),
    SuspendFlowRun {},
    ResumeFlowRun {},
    PauseWorkPool(OnWorkPool),
    ResumeWorkPool(OnWorkPool),
}

/// Whether it is about a certain thing, or about the one that the event tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum Selected {
    #[default]
    Selected,
    Inferred,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RunDeployment {
    #[serde(default)]
    pub(crate) source: Selected,
    #[serde(default)]
    pub(crate) deployment_id: Option<Uuid>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(default)]
    job_variables: Option<Map<String, Value>>,
    #[serde(default)]
    schedule_after: Seconds,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OnDeployment {
    #[serde(default)]
    source: Selected,
    #[serde(default)]
    deployment_id: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OnWorkQueue {
    #[serde(default)]
    source: Selected,
    #[serde(default)]
    work_queue_id: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OnWorkPool {
    #[serde(default)]
    source: Selected,
    #[serde(default)]
    work_pool_id: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OnAutomation {
    #[serde(default)]
    source: Selected,
    #[serde(default)]
    automation_id: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ChangeFlowRunState {
    #[serde(default)]
    name: Option<String>,
    state: StateType,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    force: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SendNotification {
    block_document_id: Uuid,
    #[serde(default = "subject")]
    subject: String,
    body: String,
}

fn subject() -> String {
    "Prefect automated notification".to_owned()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CallWebhook {
    block_document_id: Uuid,
    #[serde(default, deserialize_with = "text_or_object")]
    payload: String,
}

/// Reads a template, which may be written as the JSON that it makes.
fn text_or_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Null => Err(serde::de::Error::custom("Input should be a valid string")),
        other => serde_json::to_string_pretty(&other).map_err(serde::de::Error::custom),
    }
}

impl Action {
    /// Says what is wrong with it that types cannot say, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let selected = |source: Selected, name: &str, id: Option<Uuid>| {
            let problem = match (source, id) {
                (Selected::Selected, None) => "required",
                (Selected::Inferred, Some(_)) => "not allowed",
                _ => return None,
            };
            Some(format!("{name} is {problem}"))
        };
        match self {
            Action::RunDeployment(action) => selected(action.source, "deployment_id", action.deployment_id)
                .or_else(|| action.parameters.iter().flat_map(Map::values).find_map(template_in)),
            Action::PauseDeployment(action) | Action::ResumeDeployment(action) => {
                selected(action.source, "deployment_id", action.deployment_id)
            }
            Action::PauseWorkQueue(action) | Action::ResumeWorkQueue(action) => {
                selected(action.source, "work_queue_id", action.work_queue_id)
            }
            Action::PauseWorkPool(action) | Action::ResumeWorkPool(action) => {
                selected(action.source, "work_pool_id", action.work_pool_id)
            }
            Action::PauseAutomation(action) | Action::ResumeAutomation(action) => {
                selected(action.source, "automation_id", action.automation_id)
            }
            Action::SendNotification(action) => {
                template("subject", &action.subject).or_else(|| template("body", &action.body))
            }
            Action::CallWebhook(action) => template("payload", &action.payload),
            Action::DoNothing {}
            | Action::CancelFlowRun {}
            | Action::DeleteFlowRun {}
            | Action::ChangeFlowRunState(_)
            | Action::SuspendFlowRun {}
            | Action::ResumeFlowRun {} => None,
        }
    }
}

fn template(field: &str, text: &str) -> Option<String> {
    let problem = check_template(text).err()?;
    Some(format!("'{field}' is not a valid template: {} (line {})", problem.message, problem.line))
}

/// Looks for templates that are no valid ones in a value of a parameter.
fn template_in(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) if fields.get("__prefect_kind").is_some_and(|kind| kind == "jinja") => {
            template("parameters", fields.get("template").and_then(Value::as_str).unwrap_or_default())
        }
        Value::Object(fields) => fields.values().find_map(template_in),
        Value::Array(values) => values.iter().find_map(template_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn actions_are_checked() {
        let id = Uuid::nil();
        let problem = |action: Value| serde_json::from_value::<Action>(action).unwrap().problem();
        for action in [
            json!({"type": "do-nothing"}),
            json!({"type": "pause-work-pool", "source": "inferred"}),
            json!({"type": "run-deployment", "deployment_id": id, "schedule_after": "PT1M"}),
            json!({"type": "call-webhook", "block_document_id": id, "payload": {"message": "{{ event.id }}"}}),
            json!({"type": "change-flow-run-state", "state": "FAILED"}),
        ] {
            assert_eq!(problem(action.clone()), None, "{action}");
        }
        let broken = json!({"__prefect_kind": "jinja", "template": "{{ event"});
        for (action, why) in [
            (json!({"type": "pause-deployment"}), "deployment_id is required"),
            (json!({"type": "resume-automation", "source": "inferred", "automation_id": id}), "not allowed"),
            (json!({"type": "send-notification", "block_document_id": id, "body": "{{ event"}), "'body'"),
            (json!({"type": "run-deployment", "deployment_id": id, "parameters": {"a": [broken]}}), "'parameters'"),
        ] {
            let found = problem(action.clone()).unwrap();
            assert!(found.contains(why), "{action}: {found}");
        }
    }
}
