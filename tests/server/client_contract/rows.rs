//! Rows to try clients with.

use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{
    FlowRunId, FlowRunOrigin, Labels, Pauses, ProcessId, RetryPolicy, RunTimes, State, StateId, StateType, TaskInputs,
    TaskRun, TaskRunId, TaskRunRecord, Timestamp,
};
use flowcore::orchestration::{Executor, NewFlowRun};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

/// A new identifier. They grow with the time.
pub(super) fn id() -> Uuid {
    SystemClock.uuid()
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

pub(super) fn state(kind: StateType) -> State {
    State::new(kind, StateId(id()), now())
}

pub(super) fn executor() -> Executor {
    Executor { process_id: ProcessId(id()), program: None }
}

/// A run of a flow that nobody executes yet.
pub(super) fn new_run(flow: &str, name: &str) -> NewFlowRun {
    NewFlowRun {
        id: FlowRunId(id()),
        flow_id: None,
        flow_name: flow.to_owned(),
        flow_tags: Vec::new(),
        name: name.to_owned(),
        tags: Vec::new(),
        parameters: raw(&serde_json::json!({})),
        flow_version: None,
        parent_task_run_id: None,
        parent_task_run: None,
        policy: RetryPolicy::default(),
        labels: Labels::new(),
        origin: FlowRunOrigin::default(),
        pauses: Pauses::default(),
        state: None,
        executor: None,
    }
}

/// A run of a flow that a process executes.
pub(super) fn running(flow: &str) -> NewFlowRun {
    NewFlowRun { executor: Some(executor()), ..new_run(flow, flow) }
}

/// A record of a task run that went through these states.
pub(super) fn record(flow_run: FlowRunId, name: &str, kinds: &[StateType]) -> TaskRunRecord {
    let states: Vec<State> = kinds.iter().map(|kind| state(*kind)).collect();
    let (first, last) = (states.first().unwrap(), states.last().unwrap().clone());
    let mut times = RunTimes::new(first.timestamp);
    for state in &states {
        times.run_count += i32::from(state.kind == StateType::Running);
        if state.kind == StateType::Running {
            times.start_time.get_or_insert(state.timestamp);
        }
        times.end_time = state.kind.is_terminal().then_some(state.timestamp);
    }
    TaskRunRecord {
        run: TaskRun {
            id: TaskRunId(id()),
            flow_run_id: Some(flow_run),
            attempt: 1,
            task_key: "contract::task".into(),
            dynamic_key: format!("{name}-0"),
            name: name.to_owned(),
            task_version: None,
            tags: vec!["night".to_owned()],
            inputs_digest: None,
            task_inputs: TaskInputs::new(),
            empirical_policy: RetryPolicy::default(),
            cache_key: None,
            times,
            state: last,
            labels: Labels::new(),
            created: None,
        },
        history_len: i32::try_from(states.len()).unwrap(),
        states,
    }
}

/// What follows on a record: the same run in further states.
pub(super) fn followed(before: &TaskRunRecord, kinds: &[StateType]) -> TaskRunRecord {
    let more = record(before.run.flow_run_id.unwrap(), &before.run.name, kinds);
    let mut run = before.run.clone();
    run.state = more.run.state;
    run.times.run_count += more.run.times.run_count;
    run.times.start_time = run.times.start_time.or(more.run.times.start_time);
    run.times.end_time = more.run.times.end_time;
    TaskRunRecord { run, history_len: before.history_len + more.history_len, states: more.states }
}
