//! The journal of task runs.

use std::sync::Arc;

use flowcore::model::{FlowRunId, IdRange, Order, Page, StateName, StateType, TaskRunFilter, TaskRunId, TaskRunRecord};
use flowcore::store::{Recorded, Store};

use super::flow_runs::{advance, insert};
use crate::model::{at, flow_run, flow_run_id, inline, json, record_behind, state, task_record, task_run_id};

use StateType::{Completed, Crashed, Failed, Pending, Running, Scheduled};

/// Inserts a run and starts its first attempt.
async fn running(store: &Arc<dyn Store>, number: u64) -> Option<(FlowRunId, i32)> {
    let run = flow_run(number);
    insert(store, &run).await;
    let run = advance(store, &run, Pending, 1).await;
    let run = advance(store, &run, Running, 2).await;
    Some((run.id, run.times.run_count))
}

async fn record(store: &Arc<dyn Store>, records: Vec<TaskRunRecord>) {
    assert_eq!(store.record_task_runs(records).await.unwrap(), Recorded::default());
}

async fn kinds(store: &Arc<dyn Store>, number: u64) -> Vec<StateType> {
    let states = store.task_run_states(task_run_id(number)).await.unwrap();
    states.into_iter().map(|state| state.kind).collect()
}

pub(crate) async fn a_task_run_is_read_as_it_was_written(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    let mut whole = task_record(1, of, &[Pending, Running, Completed]);
    whole.run.times.end_time = Some(at(50));
    whole.run.times.next_scheduled_start_time = Some(at(60));
    whole.run.times.total_run_time = 1_234_567;
    whole.run.state = whole.run.state.clone().message("ok, \"quoted\", [1,2]").data(inline(r#"{"a": [1,  2]}"#));
    whole.states[2] = whole.run.state.clone();
    let mut bare = task_record(2, None, &[Pending]);
    (bare.run.task_version, bare.run.inputs_digest, bare.run.cache_key) = (None, None, None);
    bare.run.tags.clear();
    bare.run.task_inputs.clear();
    bare.run.times.start_time = None;
    record(&store, vec![whole.clone(), bare.clone()]).await;

    let runs = store.task_runs(&TaskRunFilter::default()).await.unwrap();
    assert_eq!(json(&runs), json(&vec![whole.run, bare.run]));
    assert_eq!(store.task_run_states(task_run_id(1)).await.unwrap(), whole.states);
    assert_eq!(store.task_run_states(task_run_id(2)).await.unwrap(), bare.states);
}

pub(crate) async fn records_append_to_the_history(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    record(&store, vec![record_behind(1, of, 0, &[Pending, Running])]).await;
    let mut last = record_behind(1, of, 2, &[Failed, Scheduled, Running, Completed]);
    last.run.name = "renamed".into();
    record(&store, vec![last.clone()]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Failed, Scheduled, Running, Completed]);
    let runs = store.task_runs(&TaskRunFilter::default()).await.unwrap();
    assert_eq!(json(&runs), json(&vec![last.run]));
}

pub(crate) async fn a_repeated_record_changes_nothing(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    let first = record_behind(1, of, 0, &[Pending, Running]);
    let second = record_behind(1, of, 2, &[Completed]);
    record(&store, vec![first.clone()]).await;
    record(&store, vec![first.clone()]).await;
    record(&store, vec![second.clone()]).await;
    let mut changed = second.clone();
    changed.run.name = "another".into();
    record(&store, vec![first, changed, record_behind(2, of, 0, &[Pending])]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Completed]);
    assert_eq!(kinds(&store, 2).await, [Pending]);
    let filter = TaskRunFilter { ids: Some(vec![task_run_id(1)]), ..TaskRunFilter::default() };
    assert_eq!(json(&store.task_runs(&filter).await.unwrap()), json(&vec![second.run]));
}

pub(crate) async fn an_overlapping_record_adds_what_is_new(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    record(&store, vec![record_behind(1, of, 0, &[Pending, Running])]).await;
    // A batch that was put together anew, since its first acknowledgement was lost on the way.
    let whole = record_behind(1, of, 0, &[Pending, Running, Failed, Scheduled]);
    let rest = record_behind(1, of, 3, &[Scheduled, Running, Completed]);
    record(&store, vec![whole, record_behind(2, of, 0, &[Pending]), rest]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Failed, Scheduled, Running, Completed]);
    assert_eq!(kinds(&store, 2).await, [Pending]);
    record(&store, vec![record_behind(1, of, 6, &[Running])]).await;
    assert_eq!(kinds(&store, 1).await.len(), 7, "the length was kept with the states");
}

pub(crate) async fn several_records_of_one_run_in_one_call(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    let records = [(0, Pending), (1, Running), (2, Failed), (2, Failed), (3, Completed)];
    let of_one = records.map(|(known, kind)| record_behind(1, of, known, &[kind]));
    let mut records = of_one.to_vec();
    records.extend((2..40).map(|number| task_record(number, of, &[Pending])));
    record(&store, records).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Failed, Completed]);
    assert_eq!(store.task_runs(&TaskRunFilter::default()).await.unwrap().len(), 39);
}

pub(crate) async fn another_attempt_is_refused(store: Arc<dyn Store>) {
    let (id, attempt) = running(&store, 1).await.unwrap();
    let other = running(&store, 2).await;
    record(&store, vec![task_record(1, Some((id, attempt)), &[Pending, Running])]).await;
    let run = store.flow_run(id).await.unwrap().unwrap();
    let retried = advance(&store, &run, Scheduled, 3).await;
    let retried = advance(&store, &retried, Running, 4).await;
    assert_eq!(retried.times.run_count, 2);

    let records = vec![
        record_behind(1, Some((id, 1)), 2, &[Completed]),
        task_record(2, other, &[Pending]),
        task_record(3, Some((id, 1)), &[Pending]),
        task_record(4, Some((id, 3)), &[Pending]),
        task_record(5, None, &[Pending]),
    ];
    let recorded = store.record_task_runs(records).await.unwrap();
    assert_eq!(recorded, Recorded { refused: vec![(id, 1), (id, 3)] });
    assert_eq!(kinds(&store, 1).await, [Pending, Running]);
    assert_eq!(kinds(&store, 2).await, [Pending]);
    assert_eq!(kinds(&store, 3).await, []);
    assert_eq!(kinds(&store, 4).await, []);
    assert_eq!(kinds(&store, 5).await, [Pending]);
    // The new attempt goes on with the old one's task run.
    record(&store, vec![record_behind(1, Some((id, 2)), 2, &[Running, Completed])]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Running, Completed]);
}

pub(crate) async fn records_of_missing_runs_are_refused(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    let [two, three] = [2, 3].map(flow_run_id);
    let records = vec![
        task_record(1, Some((three, 0)), &[Pending]),
        task_record(2, of, &[Pending]),
        task_record(3, Some((two, 1)), &[Pending]),
        task_record(4, Some((three, 0)), &[Pending]),
    ];
    let recorded = store.record_task_runs(records).await.unwrap();
    assert_eq!(
        recorded.refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [three, two],
        "each once, in the order of the records"
    );
    assert_eq!(store.task_runs(&TaskRunFilter::default()).await.unwrap().len(), 1);
}

pub(crate) async fn task_runs_are_filtered_and_paged(store: Arc<dyn Store>) {
    let (one, two) = (running(&store, 1).await, running(&store, 2).await);
    let mut waits = task_record(4, one, &[Pending]);
    waits.run.state = waits.run.state.named(StateName::NOT_READY);
    waits.states = vec![waits.run.state.clone()];
    let mut records = vec![waits, task_record(3, two, &[Completed]), task_record(2, one, &[Pending, Running])];
    records.push(task_record(1, None, &[Completed]));
    record(&store, records).await;

    let listed = async |filter| listed(&store, filter).await;
    let none = TaskRunFilter::default;
    let [t1, t2, t3, t4] = [1, 2, 3, 4].map(task_run_id);
    let ids = |of: Option<(FlowRunId, i32)>| of.unwrap().0;
    assert_eq!(listed(none()).await, [t1, t2, t3, t4]);
    assert_eq!(listed(TaskRunFilter { page: Page { limit: 2, offset: 1 }, ..none() }).await, [t2, t3]);
    assert_eq!(listed(TaskRunFilter { ids: Some(vec![t4, t1]), ..none() }).await, [t1, t4]);
    assert_eq!(listed(TaskRunFilter { flow_run_ids: Some(vec![ids(one)]), ..none() }).await, [t2, t4]);
    assert_eq!(listed(TaskRunFilter { flow_run_ids: Some(vec![ids(two), ids(one)]), ..none() }).await, [t2, t3, t4]);
    assert_eq!(listed(TaskRunFilter { flow_run_ids: Some(vec![]), ..none() }).await, []);
    assert_eq!(listed(TaskRunFilter { name_like: Some("fetch-3".into()), ..none() }).await, [t3]);
    assert_eq!(listed(TaskRunFilter { state_types: Some(vec![Completed]), ..none() }).await, [t1, t3]);
    assert_eq!(listed(TaskRunFilter { state_names: Some(vec!["NotReady".into()]), ..none() }).await, [t4]);
    assert_eq!(listed(TaskRunFilter { since: Some(at(2)), until: Some(at(4)), ..none() }).await, [t2, t3]);
}

async fn listed(store: &Arc<dyn Store>, filter: TaskRunFilter) -> Vec<TaskRunId> {
    store.task_runs(&filter).await.unwrap().into_iter().map(|run| run.id).collect()
}

pub(crate) async fn task_runs_are_found_by_ids_and_names(store: Arc<dyn Store>) {
    let one = running(&store, 1).await;
    record(&store, (1..=5).map(|number| task_record(number, one, &[Pending])).collect()).await;
    let [t1, t2, t3, t4, t5] = [1, 2, 3, 4, 5].map(task_run_id);
    let none = TaskRunFilter::default;
    let newest = || TaskRunFilter { order: Order::NewestFirst, ..none() };
    assert_eq!(listed(&store, newest()).await, [t5, t4, t3, t2, t1]);
    assert_eq!(listed(&store, TaskRunFilter { page: Page { limit: 2, offset: 1 }, ..newest() }).await, [t4, t3]);
    let id_range = Some(IdRange { from: t2.0, to: t4.0 });
    assert_eq!(listed(&store, TaskRunFilter { id_range, ..newest() }).await, [t4, t3, t2]);
    let id_range = IdRange::of_prefix(&t3.to_string());
    assert_eq!(listed(&store, TaskRunFilter { id_range, ..none() }).await, [t3]);
    let id_range = IdRange::of_prefix(&t3.to_string()[..20]);
    assert_eq!(listed(&store, TaskRunFilter { id_range, ..none() }).await, [t1, t2, t3, t4, t5]);
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(listed(&store, TaskRunFilter { names: names(&["Fetch-4"]), ..newest() }).await, [t4]);
    assert_eq!(listed(&store, TaskRunFilter { names: names(&["fetch-4", "Fetch", ""]), ..none() }).await, []);
    let two = TaskRunFilter { names: names(&["Fetch-2", "Fetch-4"]), ..newest() };
    assert_eq!(listed(&store, two.clone()).await, [t4, t2]);
    let of_run = |number| Some(vec![flow_run_id(number)]);
    assert_eq!(listed(&store, TaskRunFilter { flow_run_ids: of_run(1), ..two.clone() }).await, [t4, t2]);
    assert_eq!(listed(&store, TaskRunFilter { flow_run_ids: of_run(2), ..two }).await, []);
}

/// More than are looked at first, so that both ways of looking are taken.
pub(crate) async fn rare_task_runs_are_found_among_many(store: Arc<dyn Store>) {
    let one = running(&store, 1).await;
    let kinds = |number| if number % 900 == 0 { [Pending, Failed] } else { [Pending, Completed] };
    record(&store, (1..=2_500).map(|number| task_record(number, one, &kinds(number))).collect()).await;
    let failed = TaskRunFilter { state_types: Some(vec![Failed]), ..TaskRunFilter::default() };
    let newest = TaskRunFilter { order: Order::NewestFirst, ..failed.clone() };
    let [first, last] = [900, 1_800].map(task_run_id);
    assert_eq!(listed(&store, failed.clone()).await, [first, last]);
    assert_eq!(listed(&store, newest.clone()).await, [last, first]);
    assert_eq!(listed(&store, TaskRunFilter { page: Page::first(1), ..failed.clone() }).await, [first]);
    assert_eq!(listed(&store, TaskRunFilter { page: Page::first(1), ..newest.clone() }).await, [last]);
    let second = Page { limit: 1, offset: 1 };
    assert_eq!(listed(&store, TaskRunFilter { page: second, ..failed }).await, [last]);
    assert_eq!(listed(&store, TaskRunFilter { page: second, ..newest.clone() }).await, [first]);
    let of_run = TaskRunFilter { flow_run_ids: Some(vec![flow_run_id(1)]), ..newest };
    assert_eq!(listed(&store, of_run).await, [last, first]);
    let page = Page { limit: 2, offset: 600 };
    let completed = TaskRunFilter { state_names: Some(vec!["Completed".into()]), page, ..TaskRunFilter::default() };
    assert_eq!(listed(&store, completed).await, [601, 602].map(task_run_id));
}

pub(crate) async fn task_runs_are_counted_by_state(store: Arc<dyn Store>) {
    let (one, two) = (running(&store, 1).await, running(&store, 2).await);
    let mut waits = task_record(4, one, &[Pending]);
    waits.run.state = waits.run.state.named(StateName::NOT_READY);
    waits.states = vec![waits.run.state.clone()];
    let mut records = vec![waits, task_record(9, two, &[Failed]), task_record(8, None, &[Failed])];
    records.extend([1, 2].map(|number| task_record(number, one, &[Running, Completed])));
    records.push(task_record(3, one, &[Pending]));
    record(&store, records).await;
    let counts = async |number| -> Vec<(StateType, String, u64)> {
        let counts = store.task_run_counts(flow_run_id(number)).await.unwrap();
        counts.into_iter().map(|row| (row.kind, row.name, row.count)).collect()
    };
    let expected =
        [(Completed, "Completed".into(), 2), (Pending, "NotReady".into(), 1), (Pending, "Pending".into(), 1)];
    assert_eq!(counts(1).await, expected);
    assert_eq!(counts(2).await, [(Failed, "Failed".into(), 1)]);
    assert_eq!(counts(3).await, []);
    record(&store, vec![record_behind(3, one, 1, &[Running, Completed])]).await;
    assert_eq!(counts(1).await[0], (Completed, "Completed".into(), 3));
}

pub(crate) async fn open_task_runs_are_ended(store: Arc<dyn Store>) {
    let (one, two) = (running(&store, 1).await, running(&store, 2).await);
    let mut waits = task_record(4, one, &[Pending]);
    waits.run.state = waits.run.state.named(StateName::NOT_READY);
    waits.states = vec![waits.run.state.clone()];
    let mut runs = task_record(1, one, &[Pending, Running]);
    runs.run.times.total_run_time = 1_000;
    let records = vec![
        runs.clone(),
        task_record(2, one, &[Pending]),
        task_record(3, one, &[Running, Completed]),
        waits,
        task_record(5, two, &[Running]),
    ];
    record(&store, records).await;

    let now = runs.run.state.timestamp + chrono::TimeDelta::microseconds(2_500);
    let mut crashed = state(Crashed, 1, 9).message("the process died");
    crashed.timestamp = now;
    let (id, attempt) = one.unwrap();
    assert_eq!(store.end_task_runs(id, 1, crashed.clone(), now).await.unwrap(), 2);
    assert_eq!(store.end_task_runs(id, 1, crashed.clone(), now).await.unwrap(), 0);
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Crashed]);
    assert_eq!(kinds(&store, 2).await, [Pending, Crashed]);
    assert_eq!(kinds(&store, 3).await, [Running, Completed]);
    assert_eq!(kinds(&store, 4).await, [Pending]);
    assert_eq!(kinds(&store, 5).await, [Running]);

    let ended = TaskRunFilter { state_types: Some(vec![Crashed]), ..TaskRunFilter::default() };
    let ended = store.task_runs(&ended).await.unwrap();
    assert_eq!(ended[0].times.total_run_time, 3_500, "2,500 us in the last RUNNING");
    assert_eq!(ended[1].times.total_run_time, 0);
    assert!(ended.iter().all(|run| run.times.end_time == Some(now)));
    let [first, second] = [&ended[0].state, &ended[1].state];
    assert_eq!((first.message.as_deref(), first.timestamp), (Some("the process died"), now));
    assert!(first.id != second.id && first.id != crashed.id && second.id != crashed.id);
    // What the dead process had sent off is known to be late, what the next attempt sends is new.
    record(&store, vec![record_behind(1, Some((id, attempt)), 2, &[Completed])]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Crashed]);
    record(&store, vec![record_behind(1, Some((id, attempt)), 3, &[Scheduled, Running])]).await;
    assert_eq!(kinds(&store, 1).await, [Pending, Running, Crashed, Scheduled, Running]);
}

pub(crate) async fn large_batches_are_whole(store: Arc<dyn Store>) {
    let of = running(&store, 1).await;
    // Every size of statement, more than once, and more rows than one transaction takes from several callers.
    let count = 5_431;
    let records = (1..=count).map(|number| task_record(number, of, &[Pending, Running, Completed]));
    record(&store, records.collect()).await;
    let again = (1..=count).map(|number| task_record(number, of, &[Pending, Running, Completed]));
    record(&store, again.collect()).await;
    let filter =
        TaskRunFilter { flow_run_ids: Some(vec![flow_run_id(1)]), page: Page::ALL, ..TaskRunFilter::default() };
    let runs = store.task_runs(&filter).await.unwrap();
    assert_eq!(runs.len(), count as usize);
    assert!(runs.iter().zip(1..).all(|(run, number)| run.id == task_run_id(number)));
    assert_eq!(kinds(&store, count).await.len(), 3);
}
