//! The cache and the results of runs, as the command shows them.

use flowcore::settings::Settings;
use flowcore::{Engine, Result, flow, task};

use crate::world::World;

#[task(cache = INPUTS + TASK_SOURCE, task_run_name = "measured-{city}-{day}")]
async fn measured(city: String, day: u32) -> String {
    format!("{city} on day {day}")
}

#[task(cache = INPUTS, cache_expiration = 0.001, task_run_name = "short-{number}")]
async fn short(number: u32) -> u32 {
    number
}

#[task(persist_result = true, task_run_name = "long-{length}")]
async fn long(length: usize) -> String {
    "x".repeat(length)
}

#[task(task_run_name = "fails")]
async fn fails() -> Result<()> {
    Err(flowcore::Error::msg("it is broken"))
}

#[flow(flow_run_name = "weather")]
async fn weather() -> Result<u32> {
    measured("Oslo", 1u32).await?;
    measured("Oslo", 2u32).await?;
    measured("Oslo", 2u32).task_run_name("again").await?;
    short(7u32).await?;
    long(10_000usize).await?;
    assert!(fails().await.is_err());
    Ok(42)
}

/// A database and a result storage with what a flow has left in them.
async fn filled() -> World {
    let world = World::new().await;
    let home = world.home.path().to_str().unwrap().to_owned();
    let settings = Settings::from_lookup(&|name| (name == "FLOWCORE_HOME").then(|| home.clone())).unwrap();
    let engine = Engine::connect(&settings).await.unwrap();
    assert_eq!(weather().on(&engine).await.unwrap(), 42);
    engine.close().await.unwrap();
    world
}

#[tokio::test]
async fn entries_of_the_cache_are_listed_and_cleared() {
    let world = filled().await;
    let all = world.flowcore("cache ls -o json").json();
    let tasks: Vec<_> = all.as_array().unwrap().iter().map(|entry| entry["cached"]["task_key"].clone()).collect();
    // Newest first; results that are not shared are no entries.
    assert_eq!(tasks, ["cli::caching::short", "cli::caching::measured", "cli::caching::measured"]);
    let table = world.flowcore("cache ls --task measured");
    assert_eq!(table.out.lines().count(), 3, "{table}");
    assert!(table.out.starts_with("KEY") && table.out.contains("15 bytes"), "{table}");
    let none = world.flowcore("cache ls --task measure");
    assert!(none.out.is_empty() && none.err.starts_with("Nothing is cached in file://"), "{none}");

    for refused in ["cache clear", "cache clear --all --expired --yes"] {
        assert_eq!(world.flowcore(refused).code, Some(2), "{refused}");
    }
    let expired = world.flowcore("cache clear --expired --yes");
    assert!(expired.out.starts_with("Deleted 1 entry of the cache, "), "{expired}");
    let key = all[1]["storage_key"].as_str().unwrap();
    let one = world.flowcore(&format!("cache clear --key {key} --yes"));
    assert!(one.out.starts_with("Deleted 1 entry of the cache, "), "{one}");
    assert_eq!(world.flowcore("cache ls -o json").json().as_array().map(Vec::len), Some(1));
    world.flowcore("cache clear --all --yes");
    let again = world.flowcore("cache clear --all --yes");
    assert!(again.out.starts_with("There is no such entry"), "{again}");
    assert_eq!(world.flowcore("result inspect long-10000 -o json").json()["readable"]["Ok"], serde_json::Value::Null);
}

#[tokio::test]
async fn why_a_run_was_not_cached_is_explained() {
    let world = filled().await;
    let explained = world.flowcore("cache explain measured-Oslo-2 -o json").json();
    let changed: Vec<_> =
        explained["parts"].as_array().unwrap().iter().filter(|part| part["changed"] == true).collect();
    assert_eq!(changed.len(), 1, "{explained:#}");
    assert_eq!(changed[0]["part"], "input day");
    let text = world.flowcore("cache explain measured-Oslo-2");
    assert!(text.out.contains("differs from that of the nearest entry: input day."), "{text}");
    assert!(text.out.contains("input city") && text.out.contains("task source"), "{text}");
    for (run, answer) in [
        ("again", "its result came from the cache"),
        ("measured-Oslo-1", "no other entry of its task is older"),
        ("long-10000", "its task has no cache policy"),
    ] {
        let text = world.flowcore(&format!("cache explain {run}"));
        assert!(text.code == Some(0) && text.out.contains(answer), "{text}");
    }
    world.flowcore("cache clear --all --yes");
    let gone = world.flowcore("cache explain measured-Oslo-2");
    assert!(gone.out.contains("No entry of its key"), "{gone}");
}

#[tokio::test]
async fn results_are_inspected_wherever_they_are() {
    let world = filled().await;
    let inline = world.flowcore("result inspect weather");
    assert!(inline.out.contains("in the run's own row") && inline.out.ends_with("Value\n  42\n"), "{inline}");
    let stored = world.flowcore("result inspect measured-Oslo-1 -o json").json();
    assert_eq!((&stored["value"], &stored["serializer"]), (&"Oslo on day 1".into(), &"json".into()));
    let long = world.flowcore("result inspect long-10000");
    assert!(long.out.contains("Readable    yes") && long.out.contains("print it with --raw"), "{long}");
    assert_eq!(world.flowcore("result inspect long-10000 --raw").out, format!("\"{}\"", "x".repeat(10_000)));
    let failed = world.flowcore("result inspect fails");
    assert!(failed.out.contains("no: the run failed: it is broken"), "{failed}");
    world.flowcore("cache clear --all --yes");
    let gone = world.flowcore("result inspect measured-Oslo-1");
    assert!(gone.out.contains("no: it is not there any more"), "{gone}");
    let raw = world.flowcore("result inspect measured-Oslo-1 --raw");
    assert_eq!((raw.code, raw.err.contains("cannot be read")), (Some(1), true), "{raw}");
    assert_eq!(world.flowcore("result inspect nothing").code, Some(1));
}

#[tokio::test]
async fn shells_get_what_they_need_to_complete_the_command_line() {
    let world = World::new().await;
    for (shell, begins) in [("bash", "_flowcore() {"), ("zsh", "#compdef flowcore"), ("fish", "# Print an optspec")] {
        let script = world.flowcore(&format!("completion {shell}"));
        assert_eq!(script.code, Some(0), "{script}");
        assert!(script.out.starts_with(begins) && script.out.contains("flow-run"), "{script}");
    }
    assert_eq!(world.flowcore("completion tcsh").code, Some(2));
}
