//! Tasks that yield: their callers get values while they run, and the list of them is their result.

use std::sync::Arc;

use flowcore::model::StateData;
use flowcore::store::Store;
use flowcore::{Error, Result, Yields, execute_flow_run, flow, task};

use crate::gate::{Gate, count, counted, unique};
use crate::world::{World, eventually, soon};

/// Counts what it has yielded, and its executions.
#[task(task_run_name = "numbers")]
async fn numbers(test: String, below: u32, #[yields] numbers: Yields<u32>) -> Result<()> {
    count(format!("{test} executed"));
    for number in 0..below {
        numbers.send(number).await?;
        count(format!("{test} yielded"));
    }
    Ok(())
}

#[tokio::test]
async fn values_come_while_the_task_runs_and_it_waits_for_who_takes_them() {
    #[flow]
    async fn taking(test: String, #[resource] waits: Gate) -> Result<u32> {
        let mut numbers = numbers(test, 10u32).buffer(3).stream();
        let mut sum = numbers.next().await.transpose()?.unwrap_or_default();
        waits.pass().await;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        assert!(numbers.next().await.is_none());
        Ok(sum)
    }

    let (world, test, waits) = (World::memory(), unique(), Gate::new());
    let look = async {
        waits.somebody().await;
        let yielded = || counted(&format!("{test} yielded"));
        eventually("the buffer is full", || async { yielded() == 4 }).await;
        assert_eq!(world.task_history("numbers").await, "PENDING RUNNING");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(yielded(), 4, "one was taken and three fit into the buffer");
        waits.open();
    };
    let flow = taking(&*test, waits.clone()).on(&world.engine).into_future();
    let (sum, ()) = soon("the flow", async { tokio::join!(flow, look) }).await;
    assert_eq!(sum.unwrap(), 45);
    assert_eq!(world.task_history("numbers").await, "PENDING RUNNING COMPLETED");
}

#[tokio::test]
async fn whoever_drops_a_stream_cancels_its_task() {
    #[task(task_run_name = "endless")]
    fn endless(#[resource] ended: Gate, #[yields] numbers: Yields<u64>) -> Result<()> {
        let all = numbers.blocking_send_all(0..);
        ended.come();
        Ok(all?)
    }

    #[flow]
    async fn dropping(test: String, #[resource] ended: Gate) -> Result<()> {
        let mut asynchronous = numbers(test, u32::MAX).stream();
        assert_eq!(asynchronous.next().await.transpose()?, Some(0));
        let mut plain = endless(ended).buffer(1).stream();
        assert_eq!(plain.next().await.transpose()?, Some(0));
        assert_eq!(plain.next().await.transpose()?, Some(1));
        Ok(())
    }

    let (world, ended) = (World::memory(), Gate::new());
    soon("the flow", dropping(unique(), ended.clone()).on(&world.engine)).await.unwrap();
    soon("the thread", ended.somebody()).await;
    assert_eq!(world.task_history("numbers").await, "PENDING RUNNING CANCELLED");
    assert_eq!(world.task_history("endless").await, "PENDING RUNNING CANCELLED");
}

#[tokio::test]
async fn an_error_comes_behind_the_values_and_a_retry_passes_over_what_was_given() {
    #[task]
    async fn breaks(test: String, times: u32, #[yields] texts: Yields<String>) -> Result<()> {
        let attempt = count(test);
        for number in 0..3 {
            texts.send(format!("{number} of {attempt}")).await?;
            if number == 1 && attempt <= times {
                return Err(Error::msg("it breaks"));
            }
        }
        Ok(())
    }

    #[flow]
    async fn breaking(test: String) -> Result<()> {
        let mut texts = breaks(test.clone(), 1u32).stream();
        let mut seen = Vec::new();
        while let Some(text) = texts.next().await {
            seen.push(text.map_err(|error| error.user_error().map(ToString::to_string)));
        }
        let broken = [Ok("0 of 1".to_owned()), Ok("1 of 1".to_owned()), Err(Some("it breaks".to_owned()))];
        assert_eq!(seen, broken);
        let mut texts = breaks(test + " again", 1u32).retries(1).stream();
        let mut seen = Vec::new();
        while let Some(text) = texts.next().await {
            seen.push(text?);
        }
        assert_eq!(seen, ["0 of 1", "1 of 1", "2 of 2"]);
        Ok(())
    }

    let world = World::memory();
    soon("the flow", breaking(unique()).on(&world.engine)).await.unwrap();
    assert_eq!(world.task_history("breaks-0").await, "PENDING RUNNING FAILED");
    let again = world.task_run("breaks-1").await;
    let data = serde_json::to_value(again.state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!(["0 of 2", "1 of 2", "2 of 2"]), "what is kept is one attempt's");
}

pub(crate) async fn a_stream_that_has_ended_is_given_again(store: Arc<dyn Store>) {
    #[flow]
    async fn streaming_twice(test: String) -> Result<Vec<u32>> {
        let mut stream = numbers(test.clone(), 200u32).stream();
        let mut taken = Vec::new();
        while let Some(number) = stream.next().await {
            taken.push(number?);
        }
        if count(format!("{test} flow")) == 1 { Err(Error::msg("once more")) } else { Ok(taken) }
    }

    let (world, test) = (World::on(store), unique());
    soon("the first", streaming_twice(&*test).on(&world.engine)).await.unwrap_err();
    let id = world.flow_run("streaming-twice").await.id;
    soon("the second", execute_flow_run(&world.engine, id)).await.unwrap();
    assert_eq!(counted(&format!("{test} executed")), 1);
    let data = serde_json::to_value(world.flow_run("streaming-twice").await.state.data).unwrap();
    assert_eq!(data["value"].as_array().map(Vec::len), Some(200));
}

#[tokio::test]
async fn a_stream_may_be_cached_awaited_and_not_kept() {
    #[flow]
    async fn in_other_ways(test: String) -> Result<()> {
        let cached = || numbers(test.clone(), 3u32).cache(flowcore::CachePolicy::INPUTS);
        assert_eq!(cached().await?, [0, 1, 2]);
        let mut again = cached().task_run_name("again").stream();
        let mut taken = Vec::new();
        while let Some(number) = again.next().await {
            taken.push(number?);
        }
        assert_eq!(taken, [0, 1, 2]);
        let mut not_kept = numbers(test, 100u32).persist_result(false).task_run_name("not kept").stream();
        let mut taken = 0;
        while let Some(number) = not_kept.next().await {
            taken += u32::from(number? < 100);
        }
        assert_eq!(taken, 100);
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    soon("the flow", in_other_ways(&*test).on(&world.engine)).await.unwrap();
    assert_eq!(counted(&format!("{test} executed")), 2);
    assert_eq!(world.task_history("again").await, "PENDING COMPLETED:Cached");
    assert!(matches!(world.task_run("numbers").await.state.data.as_deref(), Some(StateData::Stored { .. })));
    assert!(world.task_run("not kept").await.state.data.is_none());
}
