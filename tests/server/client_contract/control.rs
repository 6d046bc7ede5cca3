//! Pauses and suspensions, with what they want to be told.

use std::sync::Arc;

use flowcore::model::{FlowRun, FlowRunFilter, StateType};
use flowcore::orchestration::{Decision, Resumption};
use flowcore::{JsonSchema, Result, execute_flow_run, flow, pause, resume_flow_run, suspend};
use serde::Deserialize;
use serde_json::json;

use super::Subject;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "flowcore::schemars")]
struct Approval {
    approved: bool,
    amount: u32,
}

#[flow]
async fn contract_pause() -> Result<u32> {
    let answer = pause().message("may it go on?").for_input::<Approval>().await?;
    Ok(u32::from(answer.approved) * answer.amount)
}

/// Waits until the only run is paused.
async fn paused(subject: &Subject) -> FlowRun {
    let paused = FlowRunFilter { state_types: Some(vec![StateType::Paused]), ..FlowRunFilter::default() };
    subject.until("it is paused", async || !subject.client.flow_runs(&paused).await.unwrap().is_empty()).await;
    subject.client.flow_runs(&paused).await.unwrap().remove(0)
}

pub(super) async fn a_pause_is_told_what_it_asks_for(subject: Arc<Subject>) {
    let running = tokio::spawn(contract_pause().on(&subject.engine).into_future());
    let run = paused(&subject).await;
    assert_eq!(run.state.message.as_deref(), Some("may it go on?"));
    for (input, problem) in [
        (json!({"approved": true, "amount": -1}), "amount: expected an integer of at least 0, found -1"),
        (json!({"approved": true}), "amount: missing, expected an integer of at least 0"),
        (json!(3), "the input: expected an object, found 3"),
    ] {
        let error = resume_flow_run(&subject.engine, run.id).input(input).await.unwrap_err();
        assert!(error.to_string().ends_with(problem), "{error}");
    }
    assert!(resume_flow_run(&subject.engine, run.id).await.is_err(), "an input is needed");
    assert_eq!(subject.client.flow_run(run.id).await.unwrap().unwrap().state.id, run.state.id, "nothing has changed");
    resume_flow_run(&subject.engine, run.id).input(json!({"approved": true, "amount": 3})).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 3);
    assert_eq!(subject.history(&run).await, "PENDING RUNNING PAUSED RUNNING COMPLETED");
}

pub(super) async fn a_suspended_run_goes_on_where_it_is_resumed(subject: Arc<Subject>) {
    #[flow]
    async fn contract_suspension() -> Result<Vec<u32>> {
        let first = suspend().for_input::<Vec<u32>>().await?;
        suspend().key("again").await?;
        Ok(first)
    }

    let engine = &subject.engine;
    assert!(contract_suspension().on(engine).await.unwrap_err().is_suspended());
    let run = paused(&subject).await;
    assert_eq!((&*run.state.name, run.process_id), ("Suspended", None));
    let refused = execute_flow_run(engine, run.id).await.unwrap_err();
    assert!(format!("{refused:?}").contains("the run is suspended: resume it first"), "{refused:?}");
    let wrong = resume_flow_run(engine, run.id).input(["a"]).await.unwrap_err();
    assert!(wrong.to_string().ends_with("[0]: expected an integer of at least 0, found \"a\""), "{wrong}");
    assert_eq!(&*resume_flow_run(engine, run.id).input([1, 2]).await.unwrap().name, "Resuming");
    assert!(execute_flow_run(engine, run.id).await.unwrap_err().is_suspended());
    resume_flow_run(engine, run.id).await.unwrap();
    execute_flow_run(engine, run.id).await.unwrap();
    let ended = subject.client.flow_run(run.id).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&ended.state.data).unwrap()["value"], json!([1, 2]));
    let history = "PENDING RUNNING PAUSED:Suspended SCHEDULED:Resuming PENDING RUNNING:Resuming \
        PAUSED:Suspended SCHEDULED:Resuming PENDING RUNNING:Resuming COMPLETED";
    assert_eq!(subject.history(&run).await, history);
    assert_eq!(ended.times.run_count, 3);
}

pub(super) async fn a_suspended_run_is_cancelled_or_too_late(subject: Arc<Subject>) {
    #[flow]
    async fn contract_given_up(timeout: f64) -> Result<()> {
        Ok(suspend().timeout(timeout).await?)
    }

    let (client, engine) = (&subject.client, &subject.engine);
    assert!(contract_given_up(3600.0).on(engine).await.unwrap_err().is_suspended());
    let run = paused(&subject).await;
    assert_eq!(client.cancel_flow_run(&run).await.unwrap().run.state.kind, StateType::Cancelled);
    assert!(contract_given_up(0.0).on(engine).await.unwrap_err().is_suspended());
    let run = paused(&subject).await;
    let Resumption::Decided(late) = client.resume_flow_run(&run, None).await.unwrap() else { panic!("no input") };
    assert!(matches!(&late.decision, Decision::Reject(state, _) if state.kind == StateType::Failed), "{late:?}");
    assert_eq!(subject.history(&run).await, "PENDING RUNNING PAUSED:Suspended FAILED");
}

pub(super) async fn a_pause_is_resumed_once(subject: Arc<Subject>) {
    #[flow]
    async fn contract_pauses() -> Result<u32> {
        pause().await?;
        pause().await?;
        Ok(2)
    }

    let client = &subject.client;
    let running = tokio::spawn(contract_pauses().on(&subject.engine).into_future());
    let run = paused(&subject).await;
    let told = client.resume_flow_run(&run, Some(json!(1))).await.unwrap();
    assert!(matches!(told, Resumption::WrongInput(_)), "nobody wants an input: {told:?}");
    let Resumption::Decided(decided) = client.resume_flow_run(&run, None).await.unwrap() else { panic!("no input") };
    assert!(matches!(decided.decision, Decision::Accept(_)), "{decided:?}");
    subject
        .until("the second pause", async || {
            let now = client.flow_run(run.id).await.unwrap().unwrap();
            now.state.kind == StateType::Paused && now.state.id != run.state.id
        })
        .await;
    // Who knows the run in its first pause does not end the second.
    let Resumption::Decided(late) = client.resume_flow_run(&run, None).await.unwrap() else { panic!("no input") };
    assert!(!matches!(late.decision, Decision::Accept(_)), "{late:?}");
    resume_flow_run(&subject.engine, run.id).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 2);
    assert_eq!(subject.history(&run).await, "PENDING RUNNING PAUSED RUNNING PAUSED RUNNING COMPLETED");
}

pub(super) async fn a_resume_of_what_has_ended_is_refused(subject: Arc<Subject>) {
    #[flow]
    async fn contract_ends() -> Result<()> {
        Ok(())
    }

    contract_ends().on(&subject.engine).await.unwrap();
    let run = subject.client.flow_runs(&FlowRunFilter::default()).await.unwrap().remove(0);
    let refused = resume_flow_run(&subject.engine, run.id).await.unwrap_err();
    assert!(refused.to_string().ends_with("cannot be resumed: it is Completed"), "{refused}");
}
