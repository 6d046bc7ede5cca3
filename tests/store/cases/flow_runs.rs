//! Flow runs and their histories.

use std::sync::Arc;

use flowcore::model::{
    ArtifactFilter, EventFilter, FlowRun, FlowRunFilter, FlowRunId, IdRange, LogFilter, LogLevel, Page, StateName,
    StateType, TaskRunFilter,
};
use flowcore::store::{Store, StoreError, Swap};

use crate::model::{artifact, at, flow_run, flow_run_id, json, log, moved, state, task_record, task_run_id};

/// Inserts a run with its first state.
pub(crate) async fn insert(store: &Arc<dyn Store>, run: &FlowRun) {
    store.insert_flow_run(run.clone(), vec![run.state.clone()]).await.unwrap();
}

/// Moves a run on, and returns it.
pub(crate) async fn advance(store: &Arc<dyn Store>, run: &FlowRun, kind: StateType, place: u64) -> FlowRun {
    let next = moved(run, kind, place);
    let swap = store.swap_flow_run(next.clone(), run.state.id).await.unwrap();
    assert!(matches!(swap, Swap::Applied), "{swap:?}");
    next
}

pub(crate) async fn a_flow_run_is_read_as_it_was_written(store: Arc<dyn Store>) {
    let mut run = flow_run(1);
    run.parent_task_run_id = Some(task_run_id(9));
    run.times.next_scheduled_start_time = Some(at(77));
    run.state = run.state.scheduled_for(at(77)).message("because");
    insert(&store, &run).await;
    let read = store.flow_run(run.id).await.unwrap().unwrap();
    assert_eq!(json(&read), json(&run));
    assert_eq!(read.parameters.get(), run.parameters.get(), "to the letter");

    let mut bare = flow_run(2);
    (bare.flow_version, bare.program) = (None, None);
    bare.tags.clear();
    bare.labels.clear();
    let pending = state(StateType::Pending, 2, 1);
    let states = vec![bare.state.clone(), pending.clone()];
    bare.state = pending;
    store.insert_flow_run(bare.clone(), states.clone()).await.unwrap();
    assert_eq!(json(&store.flow_run(bare.id).await.unwrap().unwrap()), json(&bare));
    assert_eq!(store.flow_run_states(bare.id).await.unwrap(), states);
    assert_eq!(store.flow_run_states(run.id).await.unwrap(), [run.state]);
}

pub(crate) async fn an_id_is_taken_once(store: Arc<dyn Store>) {
    let run = flow_run(1);
    insert(&store, &run).await;
    let mut other = flow_run(1);
    other.name = "impostor".into();
    other.state = state(StateType::Pending, 1, 7);
    let error = store.insert_flow_run(other.clone(), vec![other.state.clone()]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Exists(what) if what.contains(&run.id.to_string())), "{error}");
    let mut twin = flow_run(2);
    twin.origin.idempotency_key.clone_from(&run.origin.idempotency_key);
    let error = store.insert_flow_run(twin.clone(), vec![twin.state.clone()]).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists(_)), "its key is taken: {error}");
    twin.flow_id = flowcore::model::FlowId(twin.id.0);
    insert(&store, &twin).await;
    assert_eq!(json(&store.flow_run(run.id).await.unwrap().unwrap()), json(&run));
    assert_eq!(store.flow_run_states(run.id).await.unwrap(), [run.state]);
}

pub(crate) async fn a_swap_replaces_and_appends(store: Arc<dyn Store>) {
    let scheduled = flow_run(1);
    insert(&store, &scheduled).await;
    let pending = advance(&store, &scheduled, StateType::Pending, 1).await;
    let mut running = moved(&pending, StateType::Running, 2);
    running.run_count_at_start = 1;
    running.empirical_policy.retries = Some(7);
    // Not what orchestration decides: somebody else may have edited it meanwhile.
    let mut stale = running.clone();
    stale.name = "renamed".into();
    stale.labels.insert("more".into(), "yes".into());
    stale.origin.infrastructure_pid = Some("other".into());
    stale.created = at(99_999);
    assert!(matches!(store.swap_flow_run(stale, pending.state.id).await.unwrap(), Swap::Applied));
    assert_eq!(json(&store.flow_run(running.id).await.unwrap().unwrap()), json(&running));
    let states = store.flow_run_states(running.id).await.unwrap();
    assert_eq!(states, [scheduled.state, pending.state, running.state]);
}

pub(crate) async fn a_swap_of_another_state_conflicts(store: Arc<dyn Store>) {
    let scheduled = flow_run(1);
    insert(&store, &scheduled).await;
    let pending = advance(&store, &scheduled, StateType::Pending, 1).await;
    let late = moved(&scheduled, StateType::Cancelled, 5);
    match store.swap_flow_run(late, scheduled.state.id).await.unwrap() {
        Swap::Conflict(present) => assert_eq!(json(&*present), json(&pending)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.flow_run_states(pending.id).await.unwrap(), [scheduled.state, pending.state]);
}

pub(crate) async fn a_swap_of_a_missing_run_is_missing(store: Arc<dyn Store>) {
    let run = flow_run(1);
    assert!(matches!(store.swap_flow_run(run.clone(), run.state.id).await.unwrap(), Swap::Missing));
    assert!(store.flow_run(run.id).await.unwrap().is_none());
    assert!(store.flow_run_states(run.id).await.unwrap().is_empty());
}

async fn listed(store: &Arc<dyn Store>, filter: FlowRunFilter) -> Vec<FlowRunId> {
    store.flow_runs(&filter).await.unwrap().into_iter().map(|run| run.id).collect()
}

pub(crate) async fn flow_runs_are_listed_newest_first(store: Arc<dyn Store>) {
    for number in [3, 1, 2] {
        insert(&store, &flow_run(number)).await;
    }
    let mut twin = flow_run(4);
    twin.created = flow_run(2).created;
    insert(&store, &twin).await;
    let [one, two, three, four] = [1, 2, 3, 4].map(flow_run_id);
    assert_eq!(listed(&store, FlowRunFilter::default()).await, [three, four, two, one]);
    let page = Page { limit: 2, offset: 1 };
    assert_eq!(listed(&store, FlowRunFilter { page, ..FlowRunFilter::default() }).await, [four, two]);
}

pub(crate) async fn flow_runs_are_filtered(store: Arc<dyn Store>) {
    let [one, two, three] = [1, 2, 3].map(flow_run_id);
    insert(&store, &flow_run(1)).await;
    let mut other = flow_run(2);
    other.flow_name = "report".into();
    other.name = "Calm-Bee".into();
    other.parent_task_run_id = Some(task_run_id(7));
    insert(&store, &other).await;
    let mut late = flow_run(3);
    late.state = late.state.named(StateName::LATE);
    insert(&store, &late).await;
    advance(&store, &flow_run(1), StateType::Pending, 1).await;

    let none = FlowRunFilter::default;
    assert_eq!(listed(&store, FlowRunFilter { ids: Some(vec![three, one]), ..none() }).await, [three, one]);
    assert_eq!(listed(&store, FlowRunFilter { ids: Some(vec![]), ..none() }).await, []);
    let flow_names = Some(vec!["report".into(), "none".into()]);
    assert_eq!(listed(&store, FlowRunFilter { flow_names, ..none() }).await, [two]);
    assert_eq!(listed(&store, FlowRunFilter { name_like: Some("m-b".into()), ..none() }).await, [two]);
    let state_types = Some(vec![StateType::Pending, StateType::Failed]);
    assert_eq!(listed(&store, FlowRunFilter { state_types, ..none() }).await, [one]);
    let state_names = Some(vec!["Late".into()]);
    assert_eq!(listed(&store, FlowRunFilter { state_names, ..none() }).await, [three]);
    assert_eq!(listed(&store, FlowRunFilter { since: Some(at(2)), ..none() }).await, [three, two]);
    assert_eq!(listed(&store, FlowRunFilter { until: Some(at(2)), ..none() }).await, [one]);
    let parent_task_run_ids = Some(vec![task_run_id(7), task_run_id(8)]);
    assert_eq!(listed(&store, FlowRunFilter { parent_task_run_ids, ..none() }).await, [two]);
    let both = FlowRunFilter { since: Some(at(2)), flow_names: Some(vec!["etl".into()]), ..none() };
    assert_eq!(listed(&store, both).await, [three]);
}

pub(crate) async fn flow_runs_are_found_by_ids_names_and_parents(store: Arc<dyn Store>) {
    let [one, two, three] = [1, 2, 3].map(flow_run_id);
    insert(&store, &flow_run(1)).await;
    let parent = advance(&store, &flow_run(1), StateType::Running, 1).await;
    let of = Some((parent.id, parent.times.run_count));
    store.record_task_runs(vec![task_record(7, of, &[StateType::Running])]).await.unwrap();
    for (number, parent) in [(2, 7), (3, 8)] {
        let mut child = flow_run(number);
        child.parent_task_run_id = Some(task_run_id(parent));
        insert(&store, &child).await;
    }
    let none = FlowRunFilter::default;
    let id_range = Some(IdRange { from: two.0, to: three.0 });
    assert_eq!(listed(&store, FlowRunFilter { id_range, ..none() }).await, [three, two]);
    let id_range = IdRange::of_prefix(&two.to_string());
    assert_eq!(listed(&store, FlowRunFilter { id_range, ..none() }).await, [two]);
    let id_range = IdRange::of_prefix("0191");
    assert_eq!(listed(&store, FlowRunFilter { id_range, ..none() }).await, []);
    let names = Some(vec!["brave-ant-1".into(), "brave-ant-3".into(), "brave-ant".into()]);
    assert_eq!(listed(&store, FlowRunFilter { names, ..none() }).await, [three, one]);
    let children = |ids| FlowRunFilter { parent_flow_run_ids: Some(ids), ..none() };
    assert_eq!(listed(&store, children(vec![one, two])).await, [two]);
    assert_eq!(listed(&store, children(vec![three])).await, []);
}

pub(crate) async fn active_runs_are_those_of_processes(store: Arc<dyn Store>) {
    let mut runs = Vec::new();
    for number in 1..=4 {
        insert(&store, &flow_run(number)).await;
        let pending = advance(&store, &flow_run(number), StateType::Pending, 1).await;
        runs.push(advance(&store, &pending, StateType::Running, 2).await);
    }
    advance(&store, &runs[1], StateType::Completed, 3).await;
    advance(&store, &runs[2], StateType::Cancelling, 3).await;
    advance(&store, &runs[3], StateType::Paused, 3).await;
    // Pending without a process: nobody executes it.
    insert(&store, &flow_run(5)).await;
    advance(&store, &flow_run(5), StateType::Pending, 1).await;
    let active: Vec<_> = store.active_flow_runs().await.unwrap().into_iter().map(|run| run.id).collect();
    assert_eq!(active, [flow_run_id(4), flow_run_id(3), flow_run_id(1)]);
}

pub(crate) async fn a_process_is_told_what_it_is_to_end(store: Arc<dyn Store>) {
    let mut process = None;
    for number in 1..=3 {
        insert(&store, &flow_run(number)).await;
        let pending = advance(&store, &flow_run(number), StateType::Pending, 1).await;
        let running = advance(&store, &pending, StateType::Running, 2).await;
        process = running.process_id;
        if number != 2 {
            advance(&store, &running, StateType::Cancelling, 3).await;
        }
    }
    let mut asked = store.cancelling_flow_runs(process.unwrap()).await.unwrap();
    asked.sort();
    assert_eq!(asked, [flow_run_id(1), flow_run_id(3)]);
    let other = flowcore::model::ProcessId(crate::model::id(9, 9));
    assert!(store.cancelling_flow_runs(other).await.unwrap().is_empty());
}

pub(crate) async fn a_deleted_flow_run_leaves_nothing(store: Arc<dyn Store>) {
    for number in [1, 2] {
        let run = flow_run(number);
        insert(&store, &run).await;
        let task = task_record(number, Some((run.id, 0)), &[StateType::Pending, StateType::Running]);
        store.record_task_runs(vec![task]).await.unwrap();
        store.append_logs(vec![log(number, Some(number), Some(number), LogLevel::Info)]).await.unwrap();
        store.put_artifact(artifact(number, Some("rows"), Some(number))).await.unwrap();
    }
    assert!(store.delete_flow_run(flow_run_id(1)).await.unwrap());
    assert!(!store.delete_flow_run(flow_run_id(1)).await.unwrap());
    assert!(store.flow_run(flow_run_id(1)).await.unwrap().is_none());
    assert!(store.flow_run_states(flow_run_id(1)).await.unwrap().is_empty());
    assert!(store.task_run_states(task_run_id(1)).await.unwrap().is_empty());
    assert_eq!(store.flow_run_states(flow_run_id(2)).await.unwrap().len(), 1);
    assert_eq!(store.task_runs(&TaskRunFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.artifacts(&ArtifactFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.events(&EventFilter::default()).await.unwrap().len(), 3);
    // The id is free again, and a task run of it begins anew.
    insert(&store, &flow_run(1)).await;
    store.record_task_runs(vec![task_record(1, Some((flow_run_id(1), 0)), &[StateType::Pending])]).await.unwrap();
    assert_eq!(store.task_run_states(task_run_id(1)).await.unwrap().len(), 1);
}
