//! Names on calls: whose run it is then, and how it is found again.

use flowcore::{Error, Result, current, execute_flow_run, flow, task};

use crate::gate::{count, unique};
use crate::world::World;

/// Fetches a page.
#[task(version = "7", tags = ["net"])]
async fn page(test: String) -> Result<u32> {
    match count(format!("{test} page")) {
        1 => Err(Error::msg("the first time it fails")),
        times => Ok(times),
    }
}

/// Reads a page.
#[flow(tags = ["reading"], version = "8")]
async fn reading(test: String) -> Result<(u32, Option<String>)> {
    Ok((page(test).await?, current::flow_name()))
}

#[test]
fn definitions_tell_what_their_attributes_say() {
    let (page, reading) = (page::definition(), reading::definition());
    assert_eq!((page.name(), page.description(), page.version()), ("page", "Fetches a page.", Some("7")));
    assert_eq!(
        (reading.name().as_str(), reading.description(), reading.version()),
        ("reading", "Reads a page.", Some("8"))
    );
    assert_eq!((page.tags(), reading.tags()), (&["net".to_owned()][..], &["reading".to_owned()][..]));

    #[task(name = "other", description = "Something else.")]
    async fn told() {}
    let told = told::definition();
    assert_eq!((told.name(), told.description(), told.version()), ("other", "Something else.", None));
}

#[tokio::test]
async fn a_run_belongs_to_the_flow_that_its_call_names() {
    let (world, test) = (World::memory(), unique());
    let error = reading(&*test).name("night reading").on(&world.engine).await.unwrap_err();
    assert_eq!(error.state().map(|state| &*state.name), Some("Failed"));
    let run = world.flow_run("night reading").await;
    assert!(world.client.flows(&Default::default()).await.unwrap().iter().all(|flow| flow.name != "reading"));
    // The function is found again, although the program has no flow of that name.
    execute_flow_run(&world.engine, run.id).await.unwrap();
    let run = world.flow_run("night reading").await;
    assert!(run.state.is_completed());
    let data = serde_json::to_value(run.state.data).unwrap();
    assert_eq!(data["value"], serde_json::json!([2, "night reading"]));
}

#[tokio::test]
async fn a_subflow_is_called_what_its_call_names() {
    #[flow]
    async fn library(test: String) -> Result<()> {
        reading(test).name("day reading").return_state().await;
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    library(&*test).on(&world.engine).await.unwrap();
    let stand_in = world.task_run("day reading-0").await;
    assert_eq!(world.flow_run("day reading").await.parent_task_run_id, Some(stand_in.id));
}
