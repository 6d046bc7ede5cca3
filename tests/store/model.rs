//! Rows to test with: whole, and told apart by small numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::DateTime;
use flowcore::model::{
    Artifact, ArtifactId, ArtifactKind, Creator, Event, Flow, FlowId, FlowRun, FlowRunId, FlowRunOrigin, InputDigest,
    Labels, LogId, LogLevel, LogLine, Pauses, ProcessId, ProcessLease, Program, RetryPolicy, RetryType, RunTimes,
    State, StateData, StateId, StateType, TaskInput, TaskRun, TaskRunId, TaskRunRecord, Timestamp,
};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A time, in microseconds behind a day in 2026 that has some of its own.
pub(crate) fn at(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(1_780_000_000_123_457 + micros).expect("a time")
}

/// An identifier whose order is that of its numbers.
pub(crate) fn id(kind: u64, number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0192_0000_0000_7000 | kind, 0x8000_0000_0000_0000 | number)
}

pub(crate) fn flow(number: u64, name: &str) -> Flow {
    Flow {
        id: FlowId(id(1, number)),
        name: name.into(),
        tags: vec!["one".into()],
        labels: BTreeMap::from([("team".into(), "data".into())]),
        created: at(number as i64),
        updated: at(number as i64),
    }
}

pub(crate) fn flow_run_id(number: u64) -> FlowRunId {
    FlowRunId(id(2, number))
}

pub(crate) fn task_run_id(number: u64) -> TaskRunId {
    TaskRunId(id(3, number))
}

/// A state whose id comes from two numbers: that of its run and its place in the history.
pub(crate) fn state(kind: StateType, run: u64, place: u64) -> State {
    State::new(kind, StateId(id(4, run * 1000 + place)), at((run * 1000 + place) as i64))
}

/// A new flow run in SCHEDULED.
pub(crate) fn flow_run(number: u64) -> FlowRun {
    FlowRun {
        id: flow_run_id(number),
        flow_id: FlowId(id(1, 1)),
        flow_name: "etl".into(),
        name: format!("brave-ant-{number}"),
        tags: vec!["nightly".into(), "b".into()],
        parameters: raw(r#"{"day": "2026-05-28",  "n": 1}"#),
        flow_version: Some("7".into()),
        parent_task_run_id: None,
        empirical_policy: RetryPolicy { retries: Some(2), retry_delay: vec![0.5, 8.0], retry_jitter: Some(0.25) },
        run_count_at_start: 0,
        state: state(StateType::Scheduled, number, 0),
        times: RunTimes::new(at(number as i64)),
        process_id: None,
        program: Some(Program {
            executable: "/opt/etl".into(),
            arguments: vec!["--fast".into(), "two words".into()],
            directory: "/srv".into(),
            executes_runs: true,
        }),
        labels: BTreeMap::from([("team".into(), "data".into()), ("size".into(), 3.into())]),
        origin: FlowRunOrigin {
            deployment_id: Some(id(6, 1)),
            work_queue_id: Some(id(7, 1)),
            work_queue_name: Some("default".into()),
            idempotency_key: Some(format!("key-{number}")),
            created_by: Some(Creator { id: Some(id(8, number)), kind: Some("USER".into()), display_value: None }),
            ..FlowRunOrigin::default()
        },
        pauses: Pauses { keys: ["a".to_owned()].into(), resuming: true, retry_type: Some(RetryType::InProcess) },
        created: at(number as i64),
        updated: at(number as i64),
    }
}

/// The run in its next state, by which its process is known and RUNNING is counted.
pub(crate) fn moved(run: &FlowRun, kind: StateType, place: u64) -> FlowRun {
    let number = run.id.0.as_u64_pair().1 & 0xffff_ffff;
    let mut run = run.clone();
    run.state = state(kind, number, place);
    run.updated = run.state.timestamp;
    if kind == StateType::Running {
        run.times.run_count += 1;
        run.times.start_time = run.times.start_time.or(Some(run.state.timestamp));
        run.process_id = Some(ProcessId(id(5, 1)));
    }
    run
}

/// A task run of the flow run's attempt, in the last of these types of state.
pub(crate) fn task_record(number: u64, of: Option<(FlowRunId, i32)>, kinds: &[StateType]) -> TaskRunRecord {
    record_behind(number, of, 0, kinds)
}

/// A record that adds states to a history of `known` ones.
pub(crate) fn record_behind(
    number: u64,
    of: Option<(FlowRunId, i32)>,
    known: usize,
    kinds: &[StateType],
) -> TaskRunRecord {
    let states: Vec<_> =
        kinds.iter().enumerate().map(|(place, kind)| state(*kind, 500 + number, (known + place) as u64)).collect();
    let history_len = (known + kinds.len()) as i32;
    let run = TaskRun {
        id: task_run_id(number),
        flow_run_id: of.map(|of| of.0),
        attempt: of.map_or(0, |of| of.1),
        task_key: Cow::Borrowed("etl::fetch"),
        dynamic_key: format!("{number}"),
        name: format!("Fetch-{number}"),
        task_version: Some(Cow::Borrowed("2")),
        tags: vec!["db".into()],
        inputs_digest: Some(InputDigest([number as u8; 32])),
        task_inputs: BTreeMap::from([(Cow::Borrowed("url"), vec![TaskInput::TaskRun { id: task_run_id(0) }])]),
        empirical_policy: RetryPolicy { retries: Some(1), retry_delay: vec![], retry_jitter: None },
        cache_key: Some(format!("key-{number}")),
        times: RunTimes { run_count: history_len, start_time: Some(at(1)), ..RunTimes::new(at(number as i64)) },
        state: states[states.len() - 1].clone(),
        labels: if number.is_multiple_of(2) { Labels::new() } else { [("team".to_owned(), "data".into())].into() },
        created: (!number.is_multiple_of(3)).then(|| at(number as i64 + 2)),
    };
    TaskRunRecord { run, states, history_len }
}

pub(crate) fn log(number: u64, flow_run: Option<u64>, task_run: Option<u64>, level: LogLevel) -> LogLine {
    LogLine {
        id: LogId(id(6, number)),
        timestamp: at(number as i64 / 2),
        level,
        logger: "etl::fetch".into(),
        message: format!("line {number}"),
        fields: [("n".to_owned(), number.into()), ("say".to_owned(), "\0 \"ä\"".into())]
            .into_iter()
            .filter(|_| !number.is_multiple_of(3))
            .collect(),
        flow_run_id: flow_run.map(flow_run_id),
        task_run_id: task_run.map(task_run_id),
    }
}

pub(crate) fn artifact(number: u64, key: Option<&str>, flow_run: Option<u64>) -> Artifact {
    Artifact {
        id: ArtifactId(id(7, number)),
        key: key.map(str::to_owned),
        kind: ArtifactKind::Table,
        description: Some("rows".into()),
        data: serde_json::json!([{"a": number, "b": null}]),
        flow_run_id: flow_run.map(flow_run_id),
        task_run_id: None,
        created: at(number as i64),
        updated: at(number as i64 + 1),
    }
}

pub(crate) fn lease(number: u64, expires: i64) -> ProcessLease {
    ProcessLease {
        id: ProcessId(id(5, number)),
        pid: u32::MAX,
        host: "host".into(),
        lock_file: "/run/lock".into(),
        started: at(0),
        expires: at(expires),
    }
}

pub(crate) fn event(number: u64, occurred: i64, about: Option<u64>) -> Event {
    let name = |run| ("prefect.resource.id".to_owned(), format!("prefect.flow-run.{}", flow_run_id(run)));
    Event {
        id: id(8, number),
        occurred: at(occurred),
        event: "order.placed".into(),
        resource: BTreeMap::from([("prefect.resource.id".into(), format!("shop.order.{number}"))]),
        related: about.map(|run| BTreeMap::from([name(run)])).into_iter().collect(),
        payload: serde_json::json!({"n": number}),
        follows: (number > 1).then(|| id(8, number - 1)),
        received: at(occurred + 7),
    }
}

pub(crate) fn inline(json: &str) -> StateData {
    StateData::Inline { value: raw(json) }
}

pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.into()).expect("JSON")
}

/// A row as JSON, for comparing those that do not compare themselves.
pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("JSON")
}
