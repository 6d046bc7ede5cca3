//! Runs as an engine would have left them.

use std::collections::BTreeMap;

use flowcore::client::{ArtifactClient, Client};
use flowcore::model::{
    Artifact, ArtifactId, ArtifactKind, Event, FlowRun, FlowRunId, FlowRunOrigin, LogId, LogLevel, LogLine, Pauses,
    ProcessId, Program, Resource, ResultMetadata, RetryPolicy, RunTimes, State, StateData, StateName, StateType,
    TaskInput, TaskRun, TaskRunId, TaskRunRecord,
};
use flowcore::orchestration::{Executor, NewFlowRun};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use flowcore::clock::Clock;

use crate::world::World;

/// The id of a flow run; the first eight digits tell runs apart.
pub(crate) fn flow_run_id(number: u32) -> FlowRunId {
    FlowRunId(Uuid::from_fields(0x0196_0000 + number, 0, 0x7000, &[0x80, 0, 0, 0, 0, 0, 0, 1]))
}

pub(crate) fn task_run_id(flow_run: u32, number: u8) -> TaskRunId {
    TaskRunId(Uuid::from_fields(0x0197_0000 + flow_run, 0, 0x7000, &[0x80, 0, 0, 0, 0, 0, 0, number]))
}

pub(crate) fn process_id() -> ProcessId {
    ProcessId(Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0009))
}

pub(crate) fn json_text(value: &serde_json::Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

/// A program that is there and cannot execute runs on its own.
pub(crate) fn program(world: &World) -> Program {
    Program {
        executable: world.home.path().join("etl"),
        arguments: vec!["--day".to_owned(), "1 May".to_owned()],
        directory: world.home.path().to_owned(),
        executes_runs: true,
    }
}

pub(crate) fn new_run(number: u32, flow: &str, name: &str) -> NewFlowRun {
    NewFlowRun {
        id: flow_run_id(number),
        flow_id: None,
        flow_name: flow.to_owned(),
        flow_tags: vec!["team-a".to_owned()],
        name: name.to_owned(),
        tags: Vec::new(),
        parameters: json_text(&json!({})),
        flow_version: None,
        parent_task_run_id: None,
        parent_task_run: None,
        policy: RetryPolicy::default(),
        labels: BTreeMap::new(),
        origin: FlowRunOrigin::default(),
        pauses: Pauses::default(),
        state: None,
        executor: Some(Executor { process_id: process_id(), program: None }),
    }
}

impl World {
    pub(crate) fn state(&self, kind: StateType) -> State {
        State::new(kind, flowcore::model::StateId(self.clock.uuid()), self.clock.now())
    }

    /// Makes a flow run, which is RUNNING then.
    pub(crate) async fn begin(&self, new: NewFlowRun) -> FlowRun {
        Client::create_flow_run(&self.client, new).await.unwrap()
    }

    /// Puts a flow run into a state.
    pub(crate) async fn enter(&self, run: &FlowRun, state: State) {
        let answer = Client::set_flow_run_state(&self.client, run, state.clone()).await.unwrap();
        assert_eq!(answer.run.state.id, state.id, "{:?}", answer.decision);
    }

    /// Records a task run with all its states.
    pub(crate) async fn task(
        &self,
        flow_run: &FlowRun,
        id: TaskRunId,
        name: &str,
        states: Vec<State>,
        input: Option<TaskRunId>,
    ) {
        let mut times = RunTimes::new(states[0].timestamp);
        let mut from = None;
        for state in &states {
            times.enter(from, state);
            from = Some(state);
        }
        let edges = input.map(|id| ("rows".into(), vec![TaskInput::TaskRun { id }]));
        let run = TaskRun {
            id,
            flow_run_id: Some(flow_run.id),
            attempt: flow_run.times.run_count,
            task_key: format!("etl::{}", name.trim_end_matches("-0")).into(),
            dynamic_key: "0".to_owned(),
            name: name.to_owned(),
            task_version: None,
            tags: Vec::new(),
            inputs_digest: None,
            task_inputs: edges.into_iter().collect(),
            empirical_policy: RetryPolicy { retries: Some(2), ..RetryPolicy::default() },
            cache_key: None,
            times,
            state: states.last().unwrap().clone(),
            labels: BTreeMap::new(),
            created: None,
        };
        let history_len = i32::try_from(states.len()).unwrap();
        let recorded = Client::record_task_runs(&self.client, vec![TaskRunRecord { run, states, history_len }]);
        assert!(recorded.await.unwrap().refused.is_empty());
    }

    fn line(&self, number: u128, level: LogLevel, run: &FlowRun, task: Option<TaskRunId>, message: &str) -> LogLine {
        LogLine {
            id: LogId(Uuid::from_u128(number)),
            timestamp: self.clock.now(),
            level,
            logger: "etl".to_owned(),
            message: message.to_owned(),
            fields: serde_json::Map::new(),
            flow_run_id: Some(run.id),
            task_run_id: task,
        }
    }

    /// Fills the database with the runs that the tests of reading commands show.
    pub(crate) async fn fill(&self) {
        std::fs::write(self.home.path().join("etl"), "").unwrap();
        self.failed_etl().await;
        self.clock.advance(60_000);
        let run = self.begin(new_run(2, "etl", "calm-heron")).await;
        self.clock.advance(61_500);
        let record = ResultMetadata {
            storage_key: "8f/8f4e".to_owned(),
            storage: "s3://results/etl".to_owned(),
            serializer: "json/gzip".to_owned(),
            expiration: None,
            size: 5_000_000,
            checksum: "8f4e".to_owned(),
        };
        self.enter(&run, self.state(StateType::Completed).data(StateData::Stored { record: Box::new(record) })).await;
        self.clock.advance(60_000);
        let run = self.begin(new_run(3, "mail", "calm-heron")).await;
        self.enter(&run, self.state(StateType::Cancelled).message("Nobody wanted it.")).await;
    }

    async fn failed_etl(&self) {
        let mut new = new_run(1, "etl", "brave-otter");
        new.parameters = json_text(&json!({"day": "2026-05-01", "limit": 10}));
        new.tags = vec!["nightly".to_owned()];
        new.flow_version = Some("3".to_owned());
        new.labels = BTreeMap::from([("host".to_owned(), "db1".into())]);
        new.executor = Some(Executor { process_id: process_id(), program: Some(program(self)) });
        let run = self.begin(new).await;
        let (extract, load, clean) = (task_run_id(1, 1), task_run_id(1, 2), task_run_id(1, 3));

        let mut states = vec![self.state(StateType::Pending), self.state(StateType::Running)];
        let first = self.line(1, LogLevel::Info, &run, None, "Reading 10 rows");
        self.clock.advance(1250);
        let done = StateData::Inline { value: json_text(&json!({"rows": [1, 2]})) };
        states.push(self.state(StateType::Completed).data(done));
        self.task(&run, extract, "extract-0", states, None).await;

        let mut states = vec![self.state(StateType::Pending), self.state(StateType::Running)];
        let second = self.line(2, LogLevel::Warning, &run, Some(extract), "Slow disk");
        self.clock.advance(40);
        let failure = StateData::Failure {
            chain: vec!["the table is locked".to_owned(), "timed out after 40 ms".to_owned()],
            location: Some("src/load.rs:12:5".to_owned()),
        };
        let failed = || self.state(StateType::Failed).message("the table is locked").data(failure.clone());
        states.push(failed());
        self.task(&run, load, "load-0", states, Some(extract)).await;
        let third = self.line(3, LogLevel::Error, &run, Some(load), "the table is locked");

        let not_ready = self.state(StateType::Pending).named(StateName::NOT_READY);
        self.task(&run, clean, "clean-0", vec![not_ready], Some(load)).await;
        Client::append_logs(&self.client, vec![first, second, third]).await.unwrap();

        let mut child = new_run(4, "child", "quiet-wren");
        child.parent_task_run_id = Some(extract);
        let child = self.begin(child).await;
        self.enter(&child, self.state(StateType::Completed)).await;

        self.artifact(1, Some("rows"), ArtifactKind::Table, json!(r#"[{"name": "b", "count": 2}, {"name": "a"}]"#))
            .await;
        self.clock.advance(10);
        self.artifact(2, Some("report"), ArtifactKind::Markdown, json!("# Report\n\n2 rows were read.\n")).await;
        self.clock.advance(10);
        self.artifact(3, Some("rows"), ArtifactKind::Table, json!(r#"[{"name": "c", "count": 3}]"#)).await;
        self.artifact(4, None, ArtifactKind::Progress, json!(75.0)).await;
        let event = Event {
            id: Uuid::from_u128(7),
            occurred: self.clock.now(),
            event: "etl.rows.counted".to_owned(),
            resource: Resource::from([
                ("prefect.resource.id".to_owned(), format!("prefect.flow-run.{}", run.id)),
                ("prefect.resource.name".to_owned(), "brave-otter".to_owned()),
            ]),
            related: Vec::new(),
            payload: json!({"rows": 2}),
            follows: None,
            received: self.clock.now(),
        };
        Client::append_events(&self.client, vec![event]).await.unwrap();
        self.enter(&run, failed()).await;
    }

    async fn artifact(&self, number: u8, key: Option<&str>, kind: ArtifactKind, data: serde_json::Value) {
        let artifact = Artifact {
            id: ArtifactId(Uuid::from_fields(0x0198_0000, 0, 0x7000, &[0x80, 0, 0, 0, 0, 0, 0, number])),
            key: key.map(str::to_owned),
            kind,
            description: Some(format!("Number {number}")),
            data,
            flow_run_id: Some(flow_run_id(1)),
            task_run_id: None,
            created: self.clock.now(),
            updated: self.clock.now(),
        };
        ArtifactClient::put_artifact(&self.client, artifact).await.unwrap();
    }
}
