//! Values that are sent to runs: each is received once, in order, over restarts too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::model::{FlowRunId, InputId};
use flowcore::store::Store;
use flowcore::{Error, MessageError, Result, execute_flow_run, flow, receive_input, send_input};
use serde::{Deserialize, Serialize};

use crate::gate::{count, unique};
use crate::world::{World, eventually, soon};

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
struct Order {
    item: String,
    count: u32,
}

fn order(count: u32) -> Order {
    Order { item: "tea".to_owned(), count }
}

pub(crate) async fn what_is_sent_is_received_once_and_in_order(store: Arc<dyn Store>) {
    #[flow]
    async fn shop(test: String) -> Result<(Vec<u32>, Vec<Option<FlowRunId>>)> {
        let orders = receive_input::<Order>();
        let (mut counts, mut senders) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let order = orders.next().await?;
            counts.push(order.value.count);
            senders.push(order.sender);
        }
        if count(test) == 1 {
            return Err(Error::msg("interrupted"));
        }
        counts.push(orders.next().await?.value.count);
        counts.push(receive_input::<u32>().named("tip").next().await?.value);
        Ok((counts, senders))
    }

    #[flow]
    async fn customer(shop: String) -> Result<()> {
        Ok(send_input(shop.parse()?, order(2)).await?)
    }

    let (world, test) = (World::on(store.clone()), unique());
    // Another process, which can tell the first one nothing but through the store.
    let elsewhere = World::on(store);
    let running = tokio::spawn(shop(&*test).on(&world.engine).into_future());
    let waiting = &world;
    eventually("the shop is open", || async move {
        !waiting.client.flow_runs(&Default::default()).await.unwrap().is_empty()
    })
    .await;
    let id = world.flow_run("shop").await.id;
    send_input(id, order(1)).on(&elsewhere.engine).await.unwrap();
    customer(id.to_string()).on(&elsewhere.engine).await.unwrap();
    soon("the shop", running).await.unwrap().unwrap_err();

    send_input(id, 5).named("tip").on(&elsewhere.engine).await.unwrap();
    send_input(id, order(3)).on(&elsewhere.engine).await.unwrap();
    soon("the shop", execute_flow_run(&elsewhere.engine, id)).await.unwrap();
    let data = serde_json::to_value(world.flow_run("shop").await.state.data).unwrap();
    let customer = world.flow_run("customer").await.id;
    assert_eq!(data["value"], serde_json::json!([[1, 2, 3, 5], [null, customer]]));
    let refused = send_input(id, order(4)).on(&world.engine).await.unwrap_err();
    assert!(refused.to_string().ends_with("it has completed"), "{refused}");
}

/// In one process a value is there at once: with a wait for each this would take a quarter of a second each time.
#[tokio::test]
async fn runs_of_one_process_answer_each_other_at_once() {
    const TIMES: u32 = 60;

    #[flow]
    async fn echo() -> Result<()> {
        let questions = receive_input::<u32>();
        for _ in 0..TIMES {
            let question = questions.next().await?;
            send_input(question.sender.unwrap(), u64::from(question.value) + 1).await?;
        }
        Ok(())
    }

    #[flow]
    async fn asker(echo: String) -> Result<u64> {
        let mut sum = 0;
        for number in 0..TIMES {
            send_input(echo.parse()?, number).await?;
            sum += receive_input::<u64>().next().await?.value;
        }
        Ok(sum)
    }

    let world = World::memory();
    let echoing = tokio::spawn(echo().on(&world.engine).into_future());
    let waiting = &world;
    eventually("it waits", || async move { !waiting.client.flow_runs(&Default::default()).await.unwrap().is_empty() })
        .await;
    let begun = Instant::now();
    let id = world.flow_run("echo").await.id.to_string();
    let sum = soon("the answers", asker(id).on(&world.engine)).await.unwrap();
    assert_eq!(sum, u64::from(TIMES * (TIMES + 1) / 2));
    assert!(begun.elapsed() < Duration::from_millis(250) * TIMES, "{:?}", begun.elapsed());
    soon("the echo", echoing).await.unwrap().unwrap();
}

#[tokio::test]
async fn receivers_do_not_share_a_value() {
    #[flow]
    async fn shares() -> Result<Vec<u32>> {
        let id = flowcore::current::flow_run_id().unwrap();
        for number in 1..=3 {
            send_input(id, number).await?;
        }
        let (one, other) = (receive_input::<u32>(), receive_input::<u32>());
        let (first, second, third) = tokio::join!(one.next(), other.next(), one.next());
        let mut values = vec![first?.value, second?.value, third?.value];
        values.sort_unstable();
        Ok(values)
    }

    let world = World::memory();
    assert_eq!(soon("the flow", shares().on(&world.engine)).await.unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    #[flow]
    async fn waits_in_vain() -> Result<bool> {
        let error = receive_input::<u32>().timeout(5).next().await.unwrap_err();
        let id = flowcore::current::flow_run_id().unwrap();
        send_input(id, "seven").named("number").await?;
        let other = receive_input::<u32>().named("number").next().await.unwrap_err();
        Ok(error.is_timeout() && !other.is_timeout() && matches!(other, MessageError::Value(_)))
    }

    let world = World::memory();
    assert!(soon("the flow", waits_in_vain().on(&world.engine)).await.unwrap());
    assert_eq!(world.clock.slept(), [Duration::from_secs(5)]);
    assert_eq!(world.task_history("receive_input-0").await, "PENDING RUNNING FAILED");
    let nobody = FlowRunId(InputId(uuid::Uuid::nil()).0);
    let error = send_input(nobody, 1).on(&world.engine).await.unwrap_err();
    assert!(error.to_string().ends_with("there is no such run"), "{error}");
    assert!(matches!(receive_input::<u32>().next().await, Err(MessageError::Misplaced)));
}
