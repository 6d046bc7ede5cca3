//! Flow runs and their states.

use std::sync::Arc;

use flowcore::model::{Labels, RetryPolicy, StateData, StateType};
use flowcore::orchestration::{Decision, NewFlowRun};
use serde_json::{Value, json};

use super::Subject;
use super::rows::{executor, new_run, raw, running, state};

pub(super) async fn a_run_is_as_it_was_made(subject: Arc<Subject>) {
    let client = &subject.client;
    let new = NewFlowRun {
        tags: vec!["night".to_owned()],
        parameters: raw(&json!({"day": "2026-05-28", "count": 3})),
        flow_version: Some("7".to_owned()),
        policy: RetryPolicy { retries: Some(2), retry_delay: vec![3.0], retry_jitter: None },
        labels: Labels::from([("team".to_owned(), json!("data"))]),
        ..running("made")
    };
    let made = client.create_flow_run(new.clone()).await.unwrap();
    // A server gives the ids of flow runs itself.
    assert_eq!(made.id == new.id, !subject.is_server());
    let read = client.flow_run(made.id).await.unwrap().unwrap();
    for run in [&made, &read] {
        assert_eq!((&*run.flow_name, &*run.name, run.state.kind), ("made", "made", StateType::Running));
        assert_eq!((&run.tags, run.flow_version.as_deref()), (&new.tags, Some("7")));
        assert_eq!(
            serde_json::from_str::<Value>(run.parameters.get()).unwrap(),
            json!({"day": "2026-05-28", "count": 3})
        );
        assert_eq!((run.empirical_policy.retries, &run.empirical_policy.retry_delay), (Some(2), &vec![3.0]));
        assert_eq!(run.labels.get("team"), Some(&json!("data")));
        assert_eq!((run.times.run_count, run.process_id), (1, Some(new.executor.as_ref().unwrap().process_id)));
    }
    let value = StateData::Inline { value: raw(&json!([1, "two"])) };
    let completed = state(StateType::Completed).message("It is done.").data(value);
    let decided = client.set_flow_run_state(&made, completed.clone()).await.unwrap();
    assert!(matches!(decided.decision, Decision::Accept(_)), "{decided:?}");
    let ended = client.flow_run(made.id).await.unwrap().unwrap();
    for run in [decided.run, ended] {
        assert_eq!((run.state.kind, run.state.message.as_deref()), (StateType::Completed, Some("It is done.")));
        let Some(StateData::Inline { value }) = run.state.data.as_deref() else { panic!("{:?}", run.state.data) };
        assert_eq!(serde_json::from_str::<Value>(value.get()).unwrap(), json!([1, "two"]));
        assert!(run.times.end_time.is_some() && run.times.total_run_time > 0, "{:?}", run.times);
        let refused = client.set_flow_run_state(&run, state(StateType::Running)).await.unwrap();
        assert!(!matches!(refused.decision, Decision::Accept(_)), "{refused:?}");
    }
    assert_eq!(subject.history(&made).await, "PENDING RUNNING COMPLETED");
    assert!(client.delete_flow_run(made.id).await.unwrap());
    assert!(!client.delete_flow_run(made.id).await.unwrap());
    assert!(client.flow_run(made.id).await.unwrap().is_none());
}

pub(super) async fn a_failed_run_is_tried_again_and_anew(subject: Arc<Subject>) {
    let client = &subject.client;
    let policy = RetryPolicy { retries: Some(1), ..RetryPolicy::default() };
    let first = client.create_flow_run(NewFlowRun { policy: policy.clone(), ..running("failing") }).await.unwrap();
    let decided = client.set_flow_run_state(&first, state(StateType::Failed).message("no luck")).await.unwrap();
    assert!(matches!(&decided.decision, Decision::Reject(to, _) if to.name == "AwaitingRetry"), "{decided:?}");
    let decided = client.set_flow_run_state(&decided.run, state(StateType::Running)).await.unwrap();
    assert_eq!((&*decided.run.state.name, decided.run.times.run_count), ("Retrying", 2));
    let decided = client.set_flow_run_state(&decided.run, state(StateType::Failed)).await.unwrap();
    assert!(matches!(decided.decision, Decision::Accept(_)), "{decided:?}");

    let decided = client.retry_flow_run(&decided.run).await.unwrap();
    assert_eq!((&*decided.run.state.name, decided.run.process_id), ("AwaitingRetry", None));
    let next = client.claim_flow_run(&decided.run, executor(), policy).await.unwrap();
    assert!(matches!(next.decision, Decision::Accept(_)), "{next:?}");
    assert_eq!((next.run.state.kind, next.run.times.run_count), (StateType::Running, 3));
    let late = client.set_flow_run_state(&first, state(StateType::Completed)).await.unwrap();
    assert!(matches!(late.decision, Decision::Abort(_)), "the former process has lost the run: {late:?}");
    let decided = client.set_flow_run_state(&next.run, state(StateType::Failed)).await.unwrap();
    assert!(matches!(decided.decision, Decision::Reject(..)), "it has its retries again: {decided:?}");
    let decided = client.set_flow_run_state(&decided.run, state(StateType::Running)).await.unwrap();
    let decided = client.set_flow_run_state(&decided.run, state(StateType::Completed)).await.unwrap();
    assert!(matches!(decided.decision, Decision::Accept(_)), "{decided:?}");
    let again = client.retry_flow_run(&decided.run).await.unwrap();
    assert!(!matches!(again.decision, Decision::Accept(_)), "{again:?}");
    assert_eq!(again.run.state.kind, StateType::Completed);
    let history = subject.history(&first).await;
    let expected = "PENDING RUNNING SCHEDULED:AwaitingRetry RUNNING:Retrying FAILED SCHEDULED:AwaitingRetry PENDING \
                    RUNNING:Retrying SCHEDULED:AwaitingRetry RUNNING:Retrying COMPLETED";
    assert_eq!(history, expected);
}

pub(super) async fn a_run_is_claimed_by_one_process(subject: Arc<Subject>) {
    let client = &subject.client;
    let scheduled = state(StateType::Scheduled);
    let due = scheduled.timestamp;
    let new = NewFlowRun { state: Some(scheduled.scheduled_for(due)), ..new_run("claimed", "claimed") };
    let run = client.create_flow_run(new).await.unwrap();
    assert_eq!((run.state.kind, run.process_id), (StateType::Scheduled, None));
    let (one, other) = (executor(), executor());
    let policy = RetryPolicy::default;
    let claimed = client.claim_flow_run(&run, one.clone(), policy()).await.unwrap();
    assert!(matches!(claimed.decision, Decision::Accept(_)), "{claimed:?}");
    let late = client.claim_flow_run(&run, other, policy()).await.unwrap();
    assert!(!matches!(late.decision, Decision::Accept(_)), "{late:?}");
    let run = client.flow_run(run.id).await.unwrap().unwrap();
    assert_eq!((run.process_id, run.times.run_count), (Some(one.process_id), 1));
    assert_eq!(subject.history(&run).await, "SCHEDULED PENDING RUNNING");
}

pub(super) async fn a_run_is_cancelled_where_it_is(subject: Arc<Subject>) {
    let client = &subject.client;
    let new = running("cancelled");
    let process = new.executor.as_ref().unwrap().process_id;
    let run = client.create_flow_run(new).await.unwrap();
    assert!(client.cancelling_flow_runs(process).await.unwrap().is_empty());
    let asked = client.cancel_flow_run(&run).await.unwrap();
    assert_eq!(asked.run.state.kind, StateType::Cancelling, "{asked:?}");
    subject
        .until("its process is told", async || client.cancelling_flow_runs(process).await.unwrap() == [run.id])
        .await;
    assert!(client.cancelling_flow_runs(executor().process_id).await.unwrap().is_empty());
    let ended = client.set_flow_run_state(&asked.run, state(StateType::Cancelled)).await.unwrap();
    assert!(matches!(ended.decision, Decision::Accept(_)), "{ended:?}");
    let again = client.cancel_flow_run(&ended.run).await.unwrap();
    assert!(matches!(again.decision, Decision::Abort(_)), "{again:?}");
    assert_eq!(subject.history(&run).await, "PENDING RUNNING CANCELLING CANCELLED");

    let waiting = NewFlowRun { state: Some(state(StateType::Scheduled)), ..new_run("cancelled", "waiting") };
    let waiting = client.create_flow_run(waiting).await.unwrap();
    let asked = client.cancel_flow_run(&waiting).await.unwrap();
    assert_eq!(asked.run.state.kind, StateType::Cancelled, "nobody has it: {asked:?}");
}

pub(super) async fn a_deleted_run_is_refused(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(running("deleted")).await.unwrap();
    assert!(client.delete_flow_run(run.id).await.unwrap());
    let refused = [
        client.set_flow_run_state(&run, state(StateType::Completed)).await.unwrap(),
        client.claim_flow_run(&run, executor(), RetryPolicy::default()).await.unwrap(),
        client.cancel_flow_run(&run).await.unwrap(),
        client.retry_flow_run(&run).await.unwrap(),
    ];
    for decided in refused {
        assert!(matches!(decided.decision, Decision::Abort(_)), "{decided:?}");
    }
    assert!(client.flow_run_states(run.id).await.unwrap().is_empty());
}
