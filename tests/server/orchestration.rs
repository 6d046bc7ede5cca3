//! What becomes of proposed states: `orchestration.jsonl` has sequences of proposals with what a Prefect server of version
//! 3.8.8 answered to each, and how the run stood in the end.
//!
//! `@600` stands for a time so many seconds from now. An answer is status, verdict, type, name and message of the state,
//! reason and delay. The end of a flow run is its run count, its state's name, whether it has a start, an end and a next
//! start, how many pauses it has been at, whether it is resuming, how it is tried again, and whether its state has a
//! scheduled time; that of a task run is its run count, its flow run's, and so on.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::world::{World, text};

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    task: bool,
    /// The state of the flow run that a task run belongs to.
    flow_run: Option<String>,
    run: Map<String, Value>,
    states: Vec<Value>,
    answers: Vec<Value>,
    ends: Value,
}

/// Puts times in.
fn fill(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('@') => {
            let seconds = text[1..].parse().expect("a number of seconds");
            json!((Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339())
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
        Value::Array(items) => items.iter().map(fill).collect(),
        other => other.clone(),
    }
}

/// Makes the body of a proposal.
fn proposal(state: &Value) -> Value {
    let mut state = fill(state);
    let force = state.as_object_mut().and_then(|state| state.remove("force")).is_some();
    json!({"state": state, "force": force})
}

async fn propose(world: &World, path: &str, state: &Value) -> Value {
    let (status, answer) = world.ask(Method::POST, &format!("{path}/set_state"), Some(proposal(state))).await;
    let (state, details) = (&answer["state"], &answer["details"]);
    json!([
        status.as_u16(),
        answer["status"],
        state["type"],
        state["name"],
        state["message"],
        details["reason"],
        details["delay_seconds"]
    ])
}

/// What is done otherwise: a pause that somebody tries to end by PENDING is refused alike, but is not marked as resuming.
const OTHERWISE: [&str; 1] = ["PAUSED->PENDING"];

pub(crate) async fn states_are_judged_as_prefect_judges_them(world: Arc<World>) {
    let flow = world.flow("cmp").await;
    let mut wrong = Vec::new();
    for line in include_str!("orchestration.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let mut body = case.run.clone();
        body.insert("state".to_owned(), fill(&case.states[0]));
        let mut flow_run = None;
        let path = if case.task {
            if let Some(kind) = &case.flow_run {
                let run = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
                if kind != "RUNNING" {
                    propose(&world, &format!("/flow_runs/{run}"), &json!({"type": kind, "force": 1})).await;
                }
                flow_run = Some(run);
            }
            let more = json!({"task_key": "t", "dynamic_key": case.name, "name": "t", "flow_run_id": flow_run});
            body.extend(more.as_object().unwrap().clone());
            format!("/task_runs/{}", text(&world.post("/task_runs/", Value::Object(body)).await["id"]))
        } else {
            body.insert("flow_id".to_owned(), flow.clone());
            format!("/flow_runs/{}", world.flow_run(Value::Object(body)).await)
        };
        let mut answers = Vec::new();
        for state in &case.states[1..] {
            let answer = propose(&world, &path, state).await.to_string();
            let answer = flow_run.as_ref().map_or(answer.clone(), |run| answer.replace(run, "FR"));
            answers.push(serde_json::from_str::<Value>(&answer).unwrap());
        }
        let ends = ends(&world.get(&path).await, case.task);
        let otherwise = !case.task && OTHERWISE.contains(&case.name.as_str());
        if answers != case.answers || (ends != case.ends) != otherwise {
            let prefects = (Value::from(case.answers), case.ends);
            let kind = if case.task { "task" } else { "flow" };
            wrong.push(format!("{kind} {}\n  Prefect {prefects:?}\n  we      {:?}", case.name, (answers, ends)));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// How a run stands.
fn ends(run: &Value, task: bool) -> Value {
    let is = |field: &str| !run[field].is_null();
    let (count, name) = (&run["run_count"], &run["state_name"]);
    let times = [is("start_time"), is("end_time"), is("next_scheduled_start_time")];
    let details = &run["state"]["state_details"];
    if task {
        let parameters = !details["task_parameters_id"].is_null();
        return json!([count, run["flow_run_run_count"], name, times[0], times[1], times[2], parameters]);
    }
    let policy = &run["empirical_policy"];
    let keys = policy["pause_keys"].as_array().map_or(0, Vec::len);
    let scheduled = !details["scheduled_time"].is_null();
    json!([count, name, times[0], times[1], times[2], keys, policy["resuming"], policy["retry_type"], scheduled])
}
