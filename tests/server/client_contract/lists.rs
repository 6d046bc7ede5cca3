//! Lists of flow runs and flows.

use std::sync::Arc;

use flowcore::model::{FlowFilter, FlowRunFilter, FlowRunId, IdRange, Page, StateType};
use flowcore::orchestration::NewFlowRun;

use super::Subject;
use super::rows::{id, new_run, record, running, state};

pub(super) async fn flow_runs_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let mut runs = Vec::new();
    for (flow, name) in [("etl", "brave-ant"), ("etl", "calm-bee"), ("report", "brave-bee")] {
        runs.push(client.create_flow_run(NewFlowRun { name: name.to_owned(), ..running(flow) }).await.unwrap());
    }
    let done = client.set_flow_run_state(&runs[1], state(StateType::Completed)).await.unwrap();
    assert_eq!(done.run.state.kind, StateType::Completed);
    let stand_in = record(runs[0].id, "child-0", &[StateType::Pending, StateType::Running]);
    client.record_task_runs(vec![stand_in.clone()]).await.unwrap();
    let child = NewFlowRun {
        parent_task_run_id: Some(stand_in.run.id),
        parent_task_run: Some(Box::new(stand_in.run.clone())),
        ..new_run("child", "child")
    };
    runs.push(client.create_flow_run(child).await.unwrap());

    let all = FlowRunFilter::default;
    let text = |text: &str| Some(vec![text.to_owned()]);
    let begins = IdRange::of_prefix(&runs[2].id.to_string()).unwrap();
    for (filter, expected) in [
        (all(), &["child", "brave-bee", "calm-bee", "brave-ant"][..]),
        (FlowRunFilter { page: Page { limit: 2, offset: 1 }, ..all() }, &["brave-bee", "calm-bee"]),
        (FlowRunFilter { flow_names: text("etl"), ..all() }, &["calm-bee", "brave-ant"]),
        (FlowRunFilter { names: text("calm-bee"), ..all() }, &["calm-bee"]),
        (FlowRunFilter { name_like: Some("brave".to_owned()), ..all() }, &["brave-bee", "brave-ant"]),
        (FlowRunFilter { state_types: Some(vec![StateType::Completed]), ..all() }, &["calm-bee"]),
        (FlowRunFilter { state_names: text("Running"), ..all() }, &["brave-bee", "brave-ant"]),
        (FlowRunFilter { ids: Some(vec![runs[0].id, FlowRunId(id())]), ..all() }, &["brave-ant"]),
        (FlowRunFilter { id_range: Some(begins), ..all() }, &["brave-bee"]),
        (FlowRunFilter { parent_task_run_ids: Some(vec![stand_in.run.id]), ..all() }, &["child"]),
        (FlowRunFilter { parent_flow_run_ids: Some(vec![runs[0].id]), ..all() }, &["child"]),
        (FlowRunFilter { since: Some(runs[2].times.expected_start_time), ..all() }, &["child", "brave-bee"]),
        (FlowRunFilter { until: Some(runs[2].times.expected_start_time), ..all() }, &["calm-bee", "brave-ant"]),
    ] {
        let found = client.flow_runs(&filter).await.unwrap();
        let found: Vec<_> = found.iter().map(|run| &*run.name).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(super) async fn flows_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    for flow in ["report", "etl", "weekly-report"] {
        let new = NewFlowRun { flow_tags: vec!["data".to_owned()], ..new_run(flow, flow) };
        client.create_flow_run(new).await.unwrap();
    }
    let all = FlowFilter::default;
    for (filter, expected) in [
        (all(), &["etl", "report", "weekly-report"][..]),
        (FlowFilter { name_like: Some("report".to_owned()), ..all() }, &["report", "weekly-report"]),
        (FlowFilter { page: Page { limit: 1, offset: 1 }, ..all() }, &["report"]),
    ] {
        let found = client.flows(&filter).await.unwrap();
        assert_eq!(found.iter().map(|flow| &*flow.name).collect::<Vec<_>>(), expected, "{filter:?}");
        assert!(found.iter().all(|flow| flow.tags == ["data"]), "{found:?}");
    }
}

/// A server gives two hundred rows at once.
pub(super) async fn lists_go_beyond_a_page(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("wide")).await.unwrap();
    let records = (0..450).map(|number| record(run.id, &format!("task-{number}"), &[StateType::Pending])).collect();
    client.record_task_runs(records).await.unwrap();
    let filter = flowcore::model::TaskRunFilter {
        flow_run_ids: Some(vec![run.id]),
        page: Page { limit: 410, offset: 20 },
        ..Default::default()
    };
    let found = client.task_runs(&filter).await.unwrap();
    let expected: Vec<String> = (20..430).map(|number| format!("task-{number}")).collect();
    assert_eq!(found.iter().map(|run| run.name.clone()).collect::<Vec<_>>(), expected);
}
