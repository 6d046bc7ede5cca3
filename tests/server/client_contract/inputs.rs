//! Values that are sent to flow runs.

use std::sync::Arc;

use flowcore::model::{FlowRun, FlowRunInput, FlowRunInputFilter, InputId};
use flowcore::{Result, flow, receive_input, send_input};
use serde_json::json;

use super::Subject;
use super::rows::{id, new_run, now, raw};

fn input(run: &FlowRun, key: &str, value: u32) -> FlowRunInput {
    FlowRunInput {
        id: InputId(id()),
        flow_run_id: run.id,
        key: key.to_owned(),
        value: raw(&json!({"number": value})),
        sender: None,
        created: now(),
    }
}

pub(super) async fn inputs_are_found(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(new_run("receiver", "receiver")).await.unwrap();
    let sender = client.create_flow_run(new_run("sender", "sender")).await.unwrap();
    let mut inputs = Vec::new();
    for (number, key) in (0..).zip(["order", "order-2", "Anything at all: é", "order"]) {
        inputs.push(FlowRunInput { sender: (number == 3).then_some(sender.id), ..input(&run, key, number) });
        // Sent twice it is there once.
        for _ in 0..2 {
            client.append_flow_run_input(inputs.last().unwrap().clone()).await.unwrap();
        }
    }
    let all = || FlowRunInputFilter::of(run.id);
    let key = |key: &str| FlowRunInputFilter { key: Some(key.to_owned()), ..all() };
    for (filter, expected) in [
        (all(), &[0, 1, 2, 3][..]),
        (key("order"), &[0, 3]),
        (key("order-2"), &[1]),
        (key("Anything at all: é"), &[2]),
        (key("other"), &[]),
        (FlowRunInputFilter { id: Some(inputs[1].id), ..all() }, &[1]),
        (FlowRunInputFilter::of(sender.id), &[]),
    ] {
        let found = client.flow_run_inputs(&filter).await.unwrap();
        let ids: Vec<_> = expected.iter().map(|number: &usize| inputs[*number].id).collect();
        assert_eq!(found.iter().map(|input| input.id).collect::<Vec<_>>(), ids, "{filter:?}");
        for (found, number) in found.iter().zip(expected) {
            assert_eq!((found.value.get(), found.sender), (inputs[*number].value.get(), inputs[*number].sender));
            // A key that the API has no letters for is known to whoever asks for it.
            assert!(found.key == inputs[*number].key || (subject.is_server() && filter.key.is_none()), "{found:?}");
        }
    }
}

/// A server gives two hundred at once.
pub(super) async fn more_inputs_than_a_page(subject: Arc<Subject>) {
    let client = &subject.client;
    let run = client.create_flow_run(new_run("receiver", "receiver")).await.unwrap();
    for number in 0..420 {
        client.append_flow_run_input(input(&run, "order", number)).await.unwrap();
    }
    let filter = FlowRunInputFilter { key: Some("order".to_owned()), ..FlowRunInputFilter::of(run.id) };
    let found = client.flow_run_inputs(&filter).await.unwrap();
    let expected: Vec<String> = (0..420).map(|number| json!({"number": number}).to_string()).collect();
    assert_eq!(found.iter().map(|input| input.value.get().to_owned()).collect::<Vec<_>>(), expected);
}

pub(super) async fn values_go_from_run_to_run(subject: Arc<Subject>) {
    #[flow]
    async fn contract_echo() -> Result<u32> {
        let questions = receive_input::<u32>();
        let mut sum = 0;
        for _ in 0..3 {
            let question = questions.next().await?;
            sum += question.value;
            send_input(question.sender.unwrap(), question.value * 2).named("answer").await?;
        }
        Ok(sum)
    }

    #[flow]
    async fn contract_asker(echo: String) -> Result<Vec<u32>> {
        let answers = receive_input::<u32>().named("answer");
        let mut heard = Vec::new();
        for number in 1..=3_u32 {
            send_input(echo.parse()?, number).await?;
            heard.push(answers.next().await?.value);
        }
        Ok(heard)
    }

    let (client, engine) = (&subject.client, &subject.engine);
    let echo = tokio::spawn(contract_echo().on(engine).into_future());
    subject.until("it listens", async || client.flow_runs(&Default::default()).await.unwrap().len() == 1).await;
    let id = client.flow_runs(&Default::default()).await.unwrap()[0].id;
    assert_eq!(contract_asker(id.to_string()).on(engine).await.unwrap(), [2, 4, 6]);
    assert_eq!(echo.await.unwrap().unwrap(), 6);
    let refused = send_input(id, 7).on(engine).await.unwrap_err();
    assert!(refused.to_string().ends_with("it has completed"), "{refused}");
}
