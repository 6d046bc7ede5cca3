//! Programs in Rust that report to the server over HTTP: the engine's behaviour is what it is on a database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::model::{
    FlowRun, FlowRunFilter, LogFilter, Order, Page, State, StateCount, StateType, TaskRun, TaskRunFilter,
};
use flowcore::settings::Settings;
use flowcore::{Engine, Error, Result, each, flow, task};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::world::{World, text};

/// A program's engine, with a folder of its own.
pub(crate) struct Program {
    pub(crate) engine: Engine,
    /// Its folder, if nobody else has it.
    _home: Option<TempDir>,
}

impl Program {
    /// Starts as a program does whose environment names the server.
    pub(crate) async fn start(api: &str) -> Self {
        let home = TempDir::new().unwrap();
        let program = Self::start_in(api, home.path()).await;
        Program { _home: Some(home), ..program }
    }

    /// Starts in a folder that is there, as the next process on a machine does.
    pub(crate) async fn start_in(api: &str, home: &Path) -> Self {
        static LOGS: std::sync::Once = std::sync::Once::new();
        LOGS.call_once(|| tracing_subscriber::registry().with(flowcore::logs::layer()).init());
        let folder = home.to_str().unwrap().to_owned();
        let lookup = |name: &str| match name {
            "FLOWCORE_HOME" => Some(folder.clone()),
            "PREFECT_API_URL" => Some(api.to_owned()),
            _ => None,
        };
        let engine = Engine::connect(&Settings::from_lookup(&lookup).unwrap()).await.unwrap();
        Program { engine, _home: None }
    }

    /// Finds the only run of a flow.
    pub(crate) async fn flow_run(&self, flow: &str) -> FlowRun {
        let filter = FlowRunFilter { flow_names: Some(vec![flow.to_owned()]), ..FlowRunFilter::default() };
        let mut runs = self.engine.client().flow_runs(&filter).await.unwrap();
        assert_eq!(runs.len(), 1, "one run of {flow}");
        runs.remove(0)
    }

    pub(crate) async fn flow_history(&self, flow: &str) -> String {
        let run = self.flow_run(flow).await;
        history(&self.engine.client().flow_run_states(run.id).await.unwrap())
    }

    pub(crate) async fn task_runs(&self, flow: &str) -> Vec<TaskRun> {
        let run = self.flow_run(flow).await;
        let filter = TaskRunFilter { flow_run_ids: Some(vec![run.id]), page: Page::ALL, ..TaskRunFilter::default() };
        self.engine.client().task_runs(&filter).await.unwrap()
    }

    /// Tells the histories of a flow's task runs, each with its name.
    pub(crate) async fn task_histories(&self, flow: &str) -> Vec<String> {
        let mut histories = Vec::new();
        for run in self.task_runs(flow).await {
            let states = self.engine.client().task_run_states(run.id).await.unwrap();
            histories.push(format!("{}: {}", run.name, history(&states)));
        }
        histories.sort();
        histories
    }
}

pub(crate) fn history(states: &[State]) -> String {
    let words = states.iter().map(|state| match &*state.name {
        name if name == state.kind.default_name() => state.kind.to_string(),
        name => format!("{}:{name}", state.kind),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[task]
async fn double(number: u32) -> u32 {
    tracing::info!(number, "doubling");
    number * 2
}

pub(crate) async fn a_flow_is_seen_on_the_server(world: Arc<World>) {
    #[flow(flow_run_name = "{flow_name}-{flow_run_id}", tags = ["night"])]
    async fn seen(start: u32) -> Result<u32> {
        let first = double(start).await?;
        Ok(double(first).await?)
    }

    let program = Program::start(&world.api).await;
    assert_eq!(seen(3).on(&program.engine).await.unwrap(), 12);

    let found = world.post("/flow_runs/filter", json!({"flows": {"name": {"any_": ["seen"]}}})).await;
    let run = &found[0];
    let id = text(&run["id"]);
    assert_eq!((&run["state_type"], &run["parameters"]), (&json!("COMPLETED"), &json!({"start": 3})));
    assert_eq!((&run["name"], &run["tags"]), (&json!(format!("seen-{id}")), &json!(["night"])));
    assert_eq!(run["run_count"], 1);
    let tasks = json!({"task_runs": {"flow_run_id": {"any_": [id]}}, "sort": "NAME_ASC"});
    let tasks = world.post("/task_runs/filter", tasks).await;
    let of = |task: &Value| (text(&task["name"]), text(&task["state_name"]), task["run_count"].clone());
    let task_runs: Vec<_> = tasks.as_array().unwrap().iter().map(of).collect();
    let expected = |name: &str| (name.to_owned(), "Completed".to_owned(), json!(1));
    assert_eq!(task_runs, [expected("double-0"), expected("double-1")]);
    let lines = world.post("/logs/filter", json!({"logs": {"flow_run_id": {"any_": [id]}}})).await;
    let lines: Vec<String> = lines.as_array().unwrap().iter().map(|line| text(&line["message"])).collect();
    assert!(lines.contains(&"doubling number=3".to_owned()), "{lines:?}");
    assert!(lines.contains(&"doubling number=6".to_owned()), "{lines:?}");

    assert_eq!(program.flow_history("seen").await, "PENDING RUNNING COMPLETED");
    assert_eq!(
        program.task_histories("seen").await,
        ["double-0: PENDING RUNNING COMPLETED", "double-1: PENDING RUNNING COMPLETED"]
    );
    let run = program.flow_run("seen").await;
    assert!(run.process_id.is_some() && run.program.is_some(), "who has the run is known");
    assert!(run.labels.keys().all(|label| !label.starts_with("flowcore.")), "{:?}", run.labels);
    program.engine.close().await.unwrap();
}

#[task(retries = 2)]
async fn flaky(#[resource] calls: Arc<AtomicU32>) -> Result<u32> {
    match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Error::msg("the first time")),
        call => Ok(call),
    }
}

#[task]
async fn broken() -> Result<()> {
    Err(Error::msg("it is broken"))
}

pub(crate) async fn flows_go_the_ways_that_they_go_on_a_database(world: Arc<World>) {
    #[flow]
    async fn child(number: u32) -> Result<u32> {
        Ok(double(number).await?)
    }

    #[flow(retries = 1)]
    async fn parent(#[resource] calls: Arc<AtomicU32>, #[resource] attempts: Arc<AtomicU32>) -> Result<u32> {
        let retried = flaky(calls).await?;
        let below = child(4).await?;
        let mapped: Vec<u32> = double::map(each([1, 2, 3])).await?;
        if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::msg("the first attempt"));
        }
        Ok(retried + below + mapped.iter().sum::<u32>())
    }

    #[flow(retries = 3)]
    async fn hopeless() -> Result<()> {
        broken().await?;
        Ok(())
    }

    #[flow(retries = 3)]
    async fn final_failure() -> Result<()> {
        Err(Error::msg("never again").retriable(false))
    }

    let program = Program::start(&world.api).await;
    let counts = || Arc::new(AtomicU32::new(0));
    assert_eq!(parent(counts(), counts()).on(&program.engine).await.unwrap(), 1 + 8 + 12);
    assert_eq!(
        program.flow_history("parent").await,
        "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED"
    );
    assert_eq!(program.flow_history("child").await, "PENDING RUNNING COMPLETED", "it is not run a second time");
    let histories = program.task_histories("parent").await;
    assert!(
        histories.contains(&"flaky-0: PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED".to_owned())
    );
    let child_run = program.flow_run("child").await;
    let stand_in = program.task_runs("parent").await.into_iter().find(|run| run.name == "child-0").unwrap();
    assert_eq!(child_run.parent_task_run_id, Some(stand_in.id));
    assert_eq!(stand_in.state.kind, StateType::Completed);

    let error = hopeless().on(&program.engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("it is broken"), "{error:?}");
    assert_eq!(program.flow_run("hopeless").await.times.run_count, 4);
    final_failure().on(&program.engine).await.unwrap_err();
    assert_eq!(program.flow_history("final-failure").await, "PENDING RUNNING FAILED");
    let run = program.flow_run("parent").await;
    let counts = program.engine.client().task_run_counts(run.id).await.unwrap();
    let all: u64 = counts.iter().map(|count: &StateCount| count.count).sum();
    assert_eq!(all as usize, program.task_runs("parent").await.len());
    program.engine.close().await.unwrap();
}

pub(crate) async fn a_flow_is_cancelled_from_elsewhere(world: Arc<World>) {
    #[task]
    async fn wait_for_ever() {
        std::future::pending::<()>().await;
    }

    #[flow]
    async fn endless() -> Result<()> {
        wait_for_ever().await?;
        Ok(())
    }

    let program = Program::start(&world.api).await;
    let running = tokio::spawn(endless().on(&program.engine).into_future());
    let id = loop {
        let running =
            json!({"flows": {"name": {"any_": ["endless"]}}, "task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}});
        let found = world.post("/flow_runs/filter", running).await;
        match found[0]["id"].as_str() {
            Some(id) => break id.to_owned(),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    world.set_state(&id, json!({"type": "CANCELLING"})).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), running).await.expect("it ends").unwrap();
    assert!(ended.unwrap_err().to_string().contains("cancelled"));
    assert_eq!(program.flow_history("endless").await, "PENDING RUNNING CANCELLING CANCELLED");
    assert_eq!(program.task_histories("endless").await, ["wait_for_ever-0: PENDING RUNNING CANCELLED"]);
    program.engine.close().await.unwrap();
}

pub(crate) async fn lists_are_read_page_by_page(world: Arc<World>) {
    #[flow]
    async fn wide() -> Result<()> {
        let doubled: Vec<u32> = double::map(each(0..450)).await?;
        assert_eq!(doubled.len(), 450);
        Ok(())
    }

    let program = Program::start(&world.api).await;
    wide().on(&program.engine).await.unwrap();
    let runs = program.task_runs("wide").await;
    assert!(runs.len() >= 450 && runs.is_sorted_by_key(|run| run.id), "{}", runs.len());
    let run = program.flow_run("wide").await;
    let lines =
        LogFilter { flow_run_id: Some(run.id), order: Order::NewestFirst, page: Page::ALL, ..LogFilter::default() };
    let lines = program.engine.client().logs(&lines).await.unwrap();
    assert!(lines.iter().filter(|line| line.message.starts_with("doubling")).count() == 450);
    assert!(lines.is_sorted_by(|a, b| a.timestamp >= b.timestamp));
    program.engine.close().await.unwrap();
}
