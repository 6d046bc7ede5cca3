//! Any sequence of changes has the same answers from SQLite as from memory, and leaves the same rows.

use std::fmt::Debug;
use std::sync::Arc;

use flowcore::model::{
    ArtifactFilter, ArtifactUpdate, ConcurrencyLimit, EventFilter, FlowFilter, FlowRunFilter, LogFilter, LogLevel,
    Order, Page, StateType, TaskRunFilter,
};
use flowcore::store::{self, SlotDecision, Store, memory::MemoryStore};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::cases::limits;
use crate::model::{
    artifact, at, event, flow, flow_run, flow_run_id, lease, log, moved, record_behind, state, task_run_id,
};

/// A record: which task run, of which flow run and attempt, behind how many states, how many states.
type Record = (u64, Option<(u64, i32)>, usize, usize);

#[derive(Clone, Debug)]
enum Change {
    Flow(u64, String),
    Insert(u64, Option<u64>),
    /// Expects the present state, or one of long ago.
    Swap(u64, StateType, bool),
    Record(Vec<Record>),
    End(u64, StateType),
    Delete(u64),
    Logs(Vec<(u64, Option<u64>)>),
    Artifact(u64, Option<u64>, Option<u64>),
    ArtifactUpdate(u64, i64),
    ArtifactDelete(u64, bool),
    Event(u64, i64, Option<u64>),
    Lease(u64, i64),
    Goodbye(u64),
    Limit(u8, u32),
    /// What a lease and a request become: there, changed, or gone.
    Slot(u8, u64, Option<u64>, bool),
    Dead(Vec<u64>),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let run = || 0..4_u64;
    let kind = || select(&StateType::ALL[..]);
    let record = (0..8_u64, option::of((run(), 0..3_i32)), 0..5_usize, 1..4_usize);
    let change = prop_oneof![
        1 => (0..3_u64, select(vec!["a", "B", "ü"])).prop_map(|(flow, name)| Change::Flow(flow, name.to_owned())),
        4 => (run(), option::of(0..8_u64)).prop_map(|(run, parent)| Change::Insert(run, parent)),
        6 => (run(), prop_oneof![kind(), Just(StateType::Running)], any::<bool>())
            .prop_map(|(run, kind, stale)| Change::Swap(run, kind, stale)),
        8 => vec(record, 1..7).prop_map(Change::Record),
        1 => (run(), kind()).prop_map(|(run, kind)| Change::End(run, kind)),
        1 => run().prop_map(Change::Delete),
        1 => vec((0..9_u64, option::of(run())), 1..4).prop_map(Change::Logs),
        1 => (0..4_u64, option::of(0..2_u64), option::of(run()))
            .prop_map(|(artifact, key, run)| Change::Artifact(artifact, key, run)),
        1 => (0..4_u64, 0..9_i64).prop_map(|(artifact, time)| Change::ArtifactUpdate(artifact, time)),
        1 => (0..4_u64, any::<bool>()).prop_map(|(number, by_key)| Change::ArtifactDelete(number, by_key)),
        1 => (0..5_u64, 0..3000_i64, option::of(run())).prop_map(|(event, time, run)| Change::Event(event, time, run)),
        1 => (0..3_u64, 0..9_i64).prop_map(|(process, expires)| Change::Lease(process, expires)),
        1 => (0..3_u64).prop_map(Change::Goodbye),
        1 => (0..3_u8, 0..4_u32).prop_map(|(name, limit)| Change::Limit(name, limit)),
        4 => (0..3_u8, 0..6_u64, option::of(0..3_u64), any::<bool>())
            .prop_map(|(name, number, process, there)| Change::Slot(name, number, process, there)),
        1 => vec(0..3_u64, 0..3).prop_map(Change::Dead),
    ];
    vec(change, 1..40)
}

/// Makes a change and returns the answer as text. `step` keeps states of different steps apart.
async fn apply(store: &dyn Store, change: &Change, step: u64) -> String {
    match change.clone() {
        Change::Flow(number, name) => {
            // The first that has a name keeps it; no id has two names.
            let mut flow = flow(number * 1000 + name.bytes().map(u64::from).sum::<u64>(), &name);
            flow.tags = vec![format!("{step}")];
            text(store.upsert_flow(flow).await)
        }
        Change::Insert(number, parent) => {
            let mut run = flow_run(number);
            run.parent_task_run_id = parent.map(task_run_id);
            run.state = state(StateType::Scheduled, number, step);
            let states = vec![state(StateType::Pending, number, 900 + step), run.state.clone()];
            text(store.insert_flow_run(run, states).await)
        }
        Change::Swap(number, kind, stale) => {
            let present = store.flow_run(flow_run_id(number)).await.unwrap().unwrap_or_else(|| flow_run(number));
            let expected = if stale { state(kind, number, 0).id } else { present.state.id };
            text(store.swap_flow_run(moved(&present, kind, step), expected).await)
        }
        Change::Record(records) => {
            let records = records.into_iter().map(|(number, of, known, count)| {
                let of = of.map(|(run, attempt)| (flow_run_id(run), attempt));
                // A run has one history: whoever tells of a place in it tells the same.
                let kinds: Vec<_> =
                    (known..known + count).map(|place| StateType::ALL[(number as usize + place) % 9]).collect();
                record_behind(number, of, known, &kinds)
            });
            text(store.record_task_runs(records.collect()).await)
        }
        Change::End(number, kind) => {
            let ended = state(kind, number, step);
            text(store.end_task_runs(flow_run_id(number), i32::MAX, ended, at(step as i64)).await)
        }
        Change::Delete(number) => text(store.delete_flow_run(flow_run_id(number)).await),
        Change::Logs(lines) => {
            let lines = lines.into_iter().map(|(number, run)| log(number, run, Some(number), LogLevel::Info));
            text(store.append_logs(lines.collect()).await)
        }
        Change::Artifact(number, key, run) => {
            let key = key.map(|key| format!("key-{key}"));
            text(store.put_artifact(artifact(number, key.as_deref(), run)).await)
        }
        Change::ArtifactUpdate(number, time) => {
            let update = ArtifactUpdate { data: Some(time.into()), description: None };
            text(store.update_artifact(artifact(number, None, None).id, update, at(time)).await)
        }
        Change::ArtifactDelete(number, by_key) => {
            let key = format!("key-{number}");
            let which = if by_key { key.into() } else { artifact(number, None, None).id.into() };
            text(store.delete_artifacts(&which).await)
        }
        Change::Event(number, time, run) => text(store.append_events(vec![event(number, time, run)]).await),
        Change::Lease(number, expires) => text(store.put_process(lease(number, expires)).await),
        Change::Goodbye(number) => text(store.remove_process(lease(number, 0).id).await),
        Change::Limit(name, number) => {
            let decision = SlotDecision::new(move |occupancy| {
                occupancy.limits.retain(|limit| limit.name != limit_name(name));
                if number > 0 {
                    let id = limits::limit(&limit_name(name), 1).id;
                    occupancy.limits.push(ConcurrencyLimit { id, ..limits::limit(&limit_name(name), number) });
                }
            });
            text(store.decide_slots(vec![limit_name(name)], decision).await)
        }
        Change::Slot(name, number, process, there) => {
            let decision = SlotDecision::new(move |occupancy| {
                let (lease, request) = (
                    limits::lease(number, &limit_name(name), process),
                    limits::request(number, &limit_name(name), process),
                );
                occupancy.leases.retain(|other| (other.id, &other.limit) != (lease.id, &lease.limit));
                occupancy.requests.retain(|other| (other.id, &other.limit) != (request.id, &request.limit));
                if there {
                    occupancy.leases.push(lease);
                } else {
                    occupancy.requests.push(request);
                }
            });
            text(store.decide_slots(vec![limit_name(name)], decision).await)
        }
        Change::Dead(processes) => {
            let processes: Vec<_> = processes.into_iter().map(|number| lease(number, 0).id).collect();
            text(store.remove_slots_of(&processes).await)
        }
    }
}

/// Everything that readers can see.
async fn contents(store: &dyn Store) -> Vec<String> {
    let page = Page::ALL;
    let order = Order::NewestFirst;
    let none = EventFilter::default;
    let mut seen = vec![
        text(store.flows(&FlowFilter { page, ..FlowFilter::default() }).await),
        text(store.flow_runs(&FlowRunFilter { page, ..FlowRunFilter::default() }).await),
        text(store.active_flow_runs().await),
        text(store.task_runs(&TaskRunFilter { page, ..TaskRunFilter::default() }).await),
        text(store.logs(&LogFilter { page, ..LogFilter::default() }).await),
        text(store.artifacts(&ArtifactFilter { page, ..ArtifactFilter::default() }).await),
        text(store.artifacts(&ArtifactFilter { latest: true, page, ..ArtifactFilter::default() }).await),
        text(store.events(&EventFilter { page, ..EventFilter::default() }).await),
        text(store.events(&EventFilter { page: Page { limit: 5, offset: 3 }, ..EventFilter::default() }).await),
        text(store.events(&EventFilter { page: Page::first(5), order, ..EventFilter::default() }).await),
        text(store.events(&EventFilter { since: Some(at(1500)), until: Some(at(4000)), page, order, ..none() }).await),
        text(store.processes().await),
        text(store.limits().await),
        text(store.occupancy(&[limit_name(0), limit_name(1)]).await),
        text(store.occupancy(&[limit_name(2)]).await),
    ];
    for number in 0..4 {
        let id = flow_run_id(number);
        seen.push(text(store.flow_run_states(id).await));
        seen.push(text(store.task_run_counts(id).await));
        seen.push(text(store.events(&EventFilter { flow_run_id: Some(id), page, ..none() }).await));
        let of_run = TaskRunFilter { flow_run_ids: Some(vec![id]), page, ..TaskRunFilter::default() };
        seen.push(text(store.task_runs(&of_run).await));
    }
    for number in 0..8 {
        seen.push(text(store.task_run_states(task_run_id(number)).await));
        let parent_task_run_ids = Some(vec![task_run_id(number)]);
        let children = FlowRunFilter { parent_task_run_ids, page, ..FlowRunFilter::default() };
        seen.push(text(store.flow_runs(&children).await));
    }
    seen
}

fn limit_name(number: u8) -> String {
    format!("limit-{number}")
}

fn text(value: impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn sqlite_answers_as_memory_does() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&changes(), |changes| {
            runtime.block_on(async {
                let folder = TempDir::new().unwrap();
                let url = format!("sqlite://{}/runs.db?synchronous=normal", folder.path().display());
                let sqlite = store::connect(&url).await.unwrap();
                let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
                for (change, step) in changes.iter().zip(1..) {
                    let expected = apply(&*memory, change, step).await;
                    assert_eq!(apply(&*sqlite, change, step).await, expected, "step {step}: {change:?}");
                }
                for (seen, expected) in contents(&*sqlite).await.into_iter().zip(contents(&*memory).await) {
                    assert_eq!(seen, expected);
                }
                sqlite.close().await.unwrap();
            });
            Ok(())
        })
        .unwrap();
}
