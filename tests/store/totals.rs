//! Figures over many runs, in SQLite and PostgreSQL: the memory store is not a server's.

use std::sync::Arc;

use flowcore::model::{FlowRun, RunTimes, StateType};
use flowcore::store::query::{Condition, Table, flow_run as columns, task_run};
use flowcore::store::{BucketCount, Buckets, ServerStore, sql};
use tempfile::TempDir;

use crate::backend;
use crate::deleting::insert;
use crate::model::{at, flow, flow_run, flow_run_id, state, task_record};
use crate::records::on_both;

const SECOND: i64 = 1_000_000;

/// A run that was to start at a time, in seconds, and did so or not.
fn run(number: u64, kind: StateType, expected: i64, start: Option<i64>) -> FlowRun {
    let mut run = flow_run(number);
    let mut now = state(kind, number, 0);
    // Running since it started.
    now.timestamp = at(start.unwrap_or(expected) * SECOND);
    run.state = now;
    let start_time = start.map(|start| at(start * SECOND));
    run.times = RunTimes { start_time, total_run_time: SECOND, ..RunTimes::new(at(expected * SECOND)) };
    run.times.next_scheduled_start_time = (kind == StateType::Scheduled).then(|| at(expected * SECOND));
    run
}

async fn runs_are_counted_by_time_and_state(store: Arc<dyn ServerStore>) {
    store.upsert_flow(flow(1, "etl")).await.unwrap();
    for run in [
        run(1, StateType::Completed, 0, Some(3)),
        run(2, StateType::Completed, 9, Some(9)),
        run(3, StateType::Running, 12, Some(14)),
        run(4, StateType::Scheduled, 13, None),
        run(5, StateType::Completed, 40, Some(40)),
    ] {
        insert(&*store, run).await;
    }
    let buckets = Buckets { start: at(0), interval: 10 * SECOND, count: 3 };
    let now = at(20 * SECOND);
    let history = |condition: Condition| {
        let store = store.clone();
        async move { store.history(Table::FLOW_RUNS, columns::EXPECTED_START_TIME, buckets, &condition, now).await.unwrap() }
    };
    let count = |bucket, kind: StateType, count, run_time: i64, lateness: i64| BucketCount {
        bucket,
        kind,
        name: kind.default_name().to_owned(),
        count,
        run_time: run_time * SECOND,
        lateness: lateness * SECOND,
    };
    assert_eq!(
        history(Condition::ALWAYS).await,
        [
            count(0, StateType::Completed, 2, 2, 3),
            count(1, StateType::Running, 1, 7, 2),
            count(1, StateType::Scheduled, 1, 1, 7),
        ]
    );
    assert_eq!(history(columns::STATE_TYPE.is("RUNNING")).await, [count(1, StateType::Running, 1, 7, 2)]);

    let late = store.average_lateness(&columns::STATE_TYPE.is("COMPLETED"), now).await.unwrap();
    assert_eq!(late, Some(1.0), "one of three, three seconds");
    assert_eq!(store.average_lateness(&columns::STATE_TYPE.is("PAUSED"), now).await.unwrap(), None);

    let next = store.next_flow_runs(&[flow(1, "etl").id]).await.unwrap();
    assert_eq!(next.iter().map(|run| run.id).collect::<Vec<_>>(), [flow_run_id(4)]);
}

async fn task_runs_are_counted_by_flow_run(store: Arc<dyn ServerStore>) {
    store.upsert_flow(flow(1, "etl")).await.unwrap();
    insert(&*store, flow_run(1)).await;
    insert(&*store, flow_run(2)).await;
    let of = |number, run| task_record(number, Some((flow_run_id(run), 0)), &[StateType::Pending]);
    let alone = task_record(9, None, &[StateType::Pending]);
    store.record_task_runs(vec![of(1, 1), of(2, 1), of(3, 2), alone]).await.unwrap();
    let counts = store.count_by(Table::TASK_RUNS, task_run::FLOW_RUN_ID, &Condition::ALWAYS).await.unwrap();
    let mut counts: Vec<_> = counts;
    counts.sort();
    assert_eq!(counts, [(flow_run_id(1).0, 2), (flow_run_id(2).0, 1)]);
}

on_both!(runs_are_counted_by_time_and_state, task_runs_are_counted_by_flow_run);
