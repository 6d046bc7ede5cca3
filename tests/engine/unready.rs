//! Runs that never had their arguments, since a run that they come from failed: resumption takes them again.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowcore::model::{FlowRunId, TaskRunId};
use flowcore::store::Store;
use flowcore::{Error, Result, execute_flow_run, flow, task};

use crate::gate::{count, unique};
use crate::world::World;

/// Fails as often as is said.
#[task]
async fn source(test: String, failures: u32) -> Result<u32> {
    let times = count(format!("{test} source"));
    if times <= failures { Err(Error::msg("not yet")) } else { Ok(times) }
}

#[task(task_run_name = "join {n} {label}")]
async fn join(n: u32, label: String) -> String {
    format!("{n} {label}")
}

#[task]
async fn plain(text: String) -> String {
    text
}

#[task]
async fn last(text: String) -> String {
    text
}

#[flow]
async fn waiting(test: String) -> Result<Vec<String>> {
    let source = source(test, 2).submit();
    let (a, b) = (join(&source, "a").submit(), join(&source, "b").submit());
    let (of_a, of_b) = (plain(&a).submit(), plain(&b).submit());
    let behind = last("x").wait_for(&source).submit();
    let mut texts = Vec::new();
    for future in [of_a, of_b, behind] {
        texts.push(future.outcome().await.result);
    }
    Ok(texts.into_iter().collect::<Result<Vec<_>, _>>()?)
}

async fn names(world: &World, id: FlowRunId) -> BTreeMap<TaskRunId, String> {
    world.task_runs(id).await.into_iter().map(|run| (run.id, run.name)).collect()
}

pub(crate) async fn what_never_had_its_arguments_keeps_its_run(store: Arc<dyn Store>) {
    let (world, test) = (World::on(store), unique());
    waiting(&*test).on(&world.engine).await.unwrap_err();
    let id = world.flow_run("waiting").await.id;
    let first = names(&world, id).await;
    let mut sorted: Vec<_> = first.values().cloned().collect();
    sorted.sort();
    assert_eq!(sorted, ["join {n} a", "join {n} b", "last-0", "plain-0", "plain-1", "source-0"]);
    assert_eq!(world.task_history("join {n} a").await, "PENDING PENDING:NotReady");
    execute_flow_run(&world.engine, id).await.unwrap_err();
    assert_eq!(names(&world, id).await, first, "the source failed again");
    execute_flow_run(&world.engine, id).await.unwrap();
    let third = names(&world, id).await;
    assert!(third.keys().eq(first.keys()), "each keeps its id: {first:?} {third:?}");
    for (id, name) in &third {
        assert_eq!(*name, first[id].replace("{n}", "3"));
    }
    let again = "PENDING PENDING:NotReady PENDING PENDING:NotReady PENDING RUNNING COMPLETED";
    for name in ["join 3 a", "join 3 b", "plain-0", "plain-1", "last-0"] {
        assert_eq!(world.task_history(name).await, again, "{name}");
    }
    let data = serde_json::to_value(world.flow_run("waiting").await.state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!(["3 a", "3 b", "x"]));
}
