//! `cargo xtask fill`: a database as it is after two months of work, to look at and to measure on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{TimeDelta, Utc};
use flowcore::model::{
    Flow, FlowId, FlowRun, FlowRunId, FlowRunOrigin, LogId, LogLevel, LogLine, Pauses, RetryPolicy, RunTimes, State,
    StateId, StateType, TaskRun, TaskRunId, TaskRunRecord, Timestamp,
};
use flowcore::store::{ServerStore, sql};
use serde_json::value::RawValue;
use uuid::{ContextV7, Uuid};

use crate::embedded::Failed;

/// How much to make.
pub(crate) struct Plan {
    /// A path, or the URL of a database.
    pub(crate) database: String,
    /// Flow runs; of task runs and of log lines there are five times as many.
    pub(crate) flow_runs: u64,
}

/// Task runs, and log lines, of each flow run.
const EACH: u64 = 5;

/// How many flows the runs are of; some have many more than others.
const FLOWS: u64 = 40;

/// How many flow runs are made before any of them is awaited.
const AT_ONCE: u64 = 1_000;

/// Over how many days the runs are spread.
const DAYS: i64 = 60;

/// Fills the database.
pub(crate) async fn run(plan: &Plan) -> Result<(), Failed> {
    let store = sql::connect_server(&plan.database).await?;
    let begin = Instant::now();
    let now = Utc::now();
    let mut flows = Vec::new();
    for number in 0..FLOWS {
        let name = format!("flow-{number:02}");
        let made = now - TimeDelta::days(DAYS);
        let (id, labels) = (FlowId(Uuid::now_v7()), BTreeMap::new());
        flows.push(store.upsert_flow(Flow { id, name, tags: Vec::new(), labels, created: made, updated: made }).await?);
    }
    let mut made = 0;
    while made < plan.flow_runs {
        let chunk = AT_ONCE.min(plan.flow_runs - made);
        let spread = TimeDelta::days(DAYS).num_microseconds().unwrap_or_default() as u64;
        let runs = (made..made + chunk)
            .map(|number| {
                let at =
                    now - TimeDelta::days(DAYS) + TimeDelta::microseconds((spread / plan.flow_runs * number) as i64);
                // The first flows have most of the runs.
                let flow = &flows[(random(number) % FLOWS * (random(number + 7) % FLOWS) / FLOWS) as usize];
                Made::new(number, flow, at)
            })
            .collect();
        write(&store, runs).await?;
        made += chunk;
        if made.is_multiple_of(AT_ONCE * 50) || made == plan.flow_runs {
            println!(
                "{made} flow runs, {} task runs, {0} log lines after {:.0} s",
                made * EACH,
                begin.elapsed().as_secs_f64()
            );
        }
    }
    store.close().await?;
    Ok(())
}

async fn write(store: &Arc<dyn ServerStore>, made: Vec<Made>) -> Result<(), Failed> {
    let mut inserts = Vec::with_capacity(made.len());
    let (mut records, mut lines) = (Vec::new(), Vec::new());
    for Made { run, states, tasks, logs } in made {
        let store = store.clone();
        inserts.push(tokio::spawn(async move { store.insert_flow_run(run, states).await }));
        records.extend(tasks);
        lines.extend(logs);
    }
    for insert in inserts {
        insert.await??;
    }
    let (recorded, logged) = tokio::join!(store.record_task_runs(records), store.append_logs(lines));
    recorded?;
    Ok(logged?)
}

/// A flow run with all that belongs to it.
struct Made {
    run: FlowRun,
    states: Vec<State>,
    tasks: Vec<TaskRunRecord>,
    logs: Vec<LogLine>,
}

impl Made {
    fn new(number: u64, flow: &Flow, at: Timestamp) -> Self {
        let last = match random(number) % 100 {
            0..90 => StateType::Completed,
            90..95 => StateType::Failed,
            95..97 => StateType::Crashed,
            97 => StateType::Cancelled,
            _ => StateType::Scheduled,
        };
        let id = FlowRunId(id(at));
        let (times, states) = way(at, last);
        let tasks = match last {
            StateType::Scheduled => 0,
            _ => EACH,
        };
        let mut tags = vec![["nightly", "hourly", "adhoc", "backfill"][(random(number) % 4) as usize].to_owned()];
        tags.extend(number.is_multiple_of(10).then(|| "tenth".to_owned()));
        let run = FlowRun {
            id,
            flow_id: flow.id,
            flow_name: flow.name.clone(),
            name: flowcore::made_up_name(random(number) as f64 / u64::MAX as f64),
            tags,
            parameters: RawValue::from_string(format!(r#"{{"day":{}}}"#, number % 365)).unwrap_or_default(),
            flow_version: Some("1".to_owned()),
            parent_task_run_id: None,
            empirical_policy: RetryPolicy::default(),
            run_count_at_start: 0,
            state: states[states.len() - 1].clone(),
            times,
            process_id: None,
            program: None,
            labels: BTreeMap::new(),
            origin: FlowRunOrigin::default(),
            pauses: Pauses::default(),
            created: at,
            updated: at,
        };
        Made {
            run,
            states,
            tasks: (0..tasks).map(|task| task_run(id, task, at + TimeDelta::milliseconds(task as i64))).collect(),
            logs: (0..EACH).map(|line| log(id, line, at + TimeDelta::milliseconds(line as i64))).collect(),
        }
    }
}

/// Gives the states on the way to this one, and the times that they come to.
fn way(at: Timestamp, last: StateType) -> (RunTimes, Vec<State>) {
    let mut times = RunTimes::new(at);
    let kinds = match last {
        StateType::Scheduled => {
            times.next_scheduled_start_time = Some(at);
            vec![StateType::Scheduled]
        }
        last => {
            times.run_count = 1;
            times.start_time = Some(at + TimeDelta::milliseconds(1));
            times.end_time = Some(at + TimeDelta::milliseconds(2));
            times.total_run_time = 1_000;
            vec![StateType::Pending, StateType::Running, last]
        }
    };
    let states = kinds.into_iter().zip(0..).map(|(kind, milliseconds)| {
        let at = at + TimeDelta::milliseconds(milliseconds);
        State::new(kind, StateId(id(at)), at)
    });
    (times, states.collect())
}

fn task_run(flow_run: FlowRunId, number: u64, at: Timestamp) -> TaskRunRecord {
    let (times, states) = way(at, StateType::Completed);
    let run = TaskRun {
        id: TaskRunId(id(at)),
        flow_run_id: Some(flow_run),
        attempt: 1,
        task_key: Cow::Borrowed("etl::fetch"),
        dynamic_key: number.to_string(),
        name: format!("fetch-{number}"),
        task_version: None,
        tags: Vec::new(),
        inputs_digest: None,
        task_inputs: BTreeMap::new(),
        empirical_policy: RetryPolicy::default(),
        cache_key: None,
        times,
        state: states[states.len() - 1].clone(),
        labels: BTreeMap::new(),
        created: None,
    };
    let history_len = i32::try_from(states.len()).unwrap_or(i32::MAX);
    TaskRunRecord { run, states, history_len }
}

fn log(flow_run: FlowRunId, number: u64, at: Timestamp) -> LogLine {
    LogLine {
        id: LogId(id(at)),
        timestamp: at,
        level: if number == 4 { LogLevel::Warning } else { LogLevel::Info },
        logger: "etl::fetch".to_owned(),
        message: format!("fetched page {number} of the catalogue and kept what has changed since the day before"),
        fields: serde_json::Map::new(),
        flow_run_id: Some(flow_run),
        task_run_id: None,
    }
}

fn id(at: Timestamp) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(ContextV7::new(), seconds, at.timestamp_subsec_nanos()))
}

/// A number that looks like chance and is always the same (splitmix64).
fn random(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
