//! Assets that tasks materialize: which events tell of them, when, and what they depend on.

use std::sync::Arc;

use flowcore::model::Event;
use flowcore::store::Store;
use flowcore::{Asset, AssetError, Error, Result, add_asset_metadata, each, execute_flow_run, flow, task, transaction};
use serde_json::json;

use crate::telling::{events, related};
use crate::world::World;

/// Writes events as `end key <- what it depends on`, in the order of the keys.
fn lineage(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| {
        let name = event.event.trim_start_matches("prefect.asset.").trim_start_matches("materialization.");
        let deps: Vec<_> =
            related(event).iter().filter_map(|related| related.strip_prefix("asset ").map(str::to_owned)).collect();
        let arrow = if deps.is_empty() { "" } else { " <- " };
        format!("{name} {}{arrow}{}", event.resource_id(), deps.join(" "))
    };
    let mut lines: Vec<_> = events.iter().map(line).collect();
    lines.sort();
    lines
}

async fn told(world: &World) -> Vec<String> {
    lineage(&events(world, "prefect.asset.").await)
}

pub(crate) async fn materializations_are_told_with_what_they_depend_on(store: Arc<dyn Store>) {
    #[task(assets = ["s3://lake/{day}.csv"], materialized_by = "duckdb", tags = ["lake"], task_run_name = "extract {day}")]
    fn extract(day: String) -> Result<String> {
        add_asset_metadata(&format!("s3://lake/{day}.csv"), json!({ "rows": 2, "old": true }))?;
        add_asset_metadata(&format!("s3://lake/{day}.csv"), json!({ "old": false }))?;
        Ok(day)
    }

    #[task]
    async fn clean(day: String) -> String {
        day
    }

    #[task(asset_deps = [Asset::new("postgres://shop/rates").name("Rates")])]
    async fn convert(day: String) -> String {
        day
    }

    #[task(assets = [Asset::new("postgres://shop/orders").name("Orders").description("All.").url("https://x").owners(["ann"])])]
    async fn load(days: Vec<String>) -> usize {
        days.len()
    }

    #[flow(tags = ["daily"])]
    async fn lineage_flow() -> Result<usize> {
        let days = extract::map(each(["mo".to_owned(), "tu".to_owned()])).submit();
        let days: Vec<_> = days.into_iter().map(|day| convert(clean(day).submit()).submit()).collect();
        Ok(load(days).await?)
    }

    let world = World::on(store);
    assert_eq!(lineage_flow().on(&world.engine).await.unwrap(), 2);
    let told = events(&world, "prefect.asset.").await;
    assert_eq!(
        lineage(&told),
        [
            "referenced postgres://shop/rates",
            "referenced s3://lake/mo.csv",
            "referenced s3://lake/tu.csv",
            "succeeded postgres://shop/orders <- postgres://shop/rates s3://lake/mo.csv s3://lake/tu.csv",
            "succeeded s3://lake/mo.csv",
            "succeeded s3://lake/tu.csv",
        ]
    );
    let of = |key: &str, end: &str| {
        told.iter().find(|event| event.resource_id() == key && event.event.ends_with(end)).unwrap()
    };
    let extracted = of("s3://lake/mo.csv", "succeeded");
    assert_eq!(extracted.payload, json!({ "rows": 2, "old": false }));
    let (run, task_run) = (world.flow_run("lineage-flow").await, world.task_run("extract mo").await);
    assert_eq!(
        related(extracted),
        [
            "asset-materialized-by duckdb".to_owned(),
            format!("flow-run prefect.flow-run.{} {}", run.id, run.name),
            format!("task-run prefect.task-run.{} extract mo", task_run.id),
            format!("flow prefect.flow.{} lineage-flow", run.flow_id),
            "tag prefect.tag.daily".to_owned(),
            "tag prefect.tag.lake".to_owned(),
        ]
    );
    let labels: Vec<_> =
        of("postgres://shop/orders", "succeeded").resource.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        labels,
        [
            "prefect.asset.description=All.",
            "prefect.asset.owners=[\"ann\"]",
            "prefect.asset.url=https://x",
            "prefect.resource.id=postgres://shop/orders",
            "prefect.resource.name=Orders",
        ]
    );
    assert_eq!(of("postgres://shop/rates", "referenced").resource["prefect.resource.name"], "Rates");
}

#[task(assets = ["s3://out/{name}"], cache = INPUTS)]
async fn produce(name: String, fails: bool) -> Result<()> {
    add_asset_metadata(&format!("s3://out/{name}"), json!({ "attempt": flowcore::current::attempt() }))?;
    if fails { Err(Error::msg("it fails")) } else { Ok(()) }
}

#[tokio::test]
async fn failures_are_told_once_and_cached_results_materialize_nothing() {
    #[flow]
    async fn producing() -> Result<()> {
        produce("a", false).await?;
        produce("a", false).await?;
        assert!(produce("b", true).retries(2).await.is_err());
        produce("c", false).assets(["s3://other/c", "s3://more/{name}"]).await.unwrap_err();
        Ok(())
    }

    let world = World::memory();
    producing().on(&world.engine).await.unwrap();
    let told = events(&world, "prefect.asset.").await;
    // The body of the last one says something of an asset that it does not materialize this time.
    let expected = ["failed s3://more/c", "failed s3://other/c", "failed s3://out/b", "succeeded s3://out/a"];
    assert_eq!(lineage(&told), expected);
    let failed = told.iter().find(|event| event.resource_id() == "s3://out/b").unwrap();
    assert_eq!(failed.payload, json!({ "attempt": 3 }));
}

#[tokio::test]
async fn what_is_rolled_back_was_never_told() {
    #[flow]
    async fn producing_together(fails: bool) -> Result<()> {
        let block = transaction().run(async |_| {
            produce("in", false).await?;
            let inner = transaction().run(async |_| Ok(produce("deeper", false).await?));
            inner.await?;
            let now = flowcore::current::transaction();
            assert!(now.is_some_and(|now| !now.is_committed()));
            if fails { Err(Error::msg("it fails")) } else { Ok(()) }
        });
        block.await
    }

    let world = World::memory();
    producing_together(true).on(&world.engine).await.unwrap_err();
    assert_eq!(told(&world).await, [""; 0]);
    producing_together(false).on(&world.engine).await.unwrap();
    assert_eq!(told(&world).await, ["succeeded s3://out/deeper", "succeeded s3://out/in"]);
}

#[tokio::test]
async fn a_task_with_hooks_tells_of_its_assets_with_its_commit() {
    async fn refuse(_: flowcore::TransactionEvent) -> Result<()> {
        Err(Error::msg("no"))
    }

    async fn accept(_: flowcore::TransactionEvent) {}

    #[flow]
    async fn producing_with_hooks() -> Result<()> {
        assert!(produce("refused", false).on_commit(refuse).await.is_err());
        Ok(produce("accepted", false).on_commit(accept).await?)
    }

    let world = World::memory();
    producing_with_hooks().on(&world.engine).await.unwrap();
    assert_eq!(told(&world).await, ["succeeded s3://out/accepted"]);
}

/// What is taken from an earlier attempt materializes nothing, but is still what others are made from.
#[tokio::test]
async fn a_resumed_flow_knows_the_assets_of_what_it_does_not_execute() {
    #[task(assets = ["s3://first/{n}"])]
    async fn first(n: u32) -> u32 {
        n
    }

    #[task(assets = ["s3://second"])]
    async fn second(n: u32) -> Result<u32> {
        static TIMES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        match TIMES.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Err(Error::msg("at first")),
            _ => Ok(n),
        }
    }

    #[flow]
    async fn producing_again() -> Result<u32> {
        Ok(second(first(1u32).submit()).await?)
    }

    let world = World::memory();
    producing_again().on(&world.engine).await.unwrap_err();
    let failed = ["failed s3://second <- s3://first/1", "referenced s3://first/1", "succeeded s3://first/1"];
    assert_eq!(told(&world).await, failed);
    execute_flow_run(&world.engine, world.flow_run("producing-again").await.id).await.unwrap();
    assert_eq!(
        told(&world).await,
        [
            "failed s3://second <- s3://first/1",
            "referenced s3://first/1",
            "referenced s3://first/1",
            "succeeded s3://first/1",
            "succeeded s3://second <- s3://first/1",
        ]
    );
}

#[tokio::test]
async fn what_is_no_asset_is_refused() {
    #[flow]
    async fn producing_nothing() -> Result<Vec<String>> {
        let mut errors = Vec::new();
        for key in ["lake/orders", "s3://lake/{day}", "s3://a b"] {
            errors.push(format!("{:?}", produce("x", false).assets([key]).await.unwrap_err()));
        }
        errors.push(add_asset_metadata("s3://out/x", json!({})).unwrap_err().to_string());
        Ok(errors)
    }

    let world = World::memory();
    let errors = producing_nothing().on(&world.engine).await.unwrap();
    let expected = ["is no key of an asset", "cannot have '{'", "cannot have ' '", "is none of them"];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error}");
    }
    assert!(told(&world).await.is_empty() && world.all_task_runs().await.is_empty());
    assert_eq!(
        add_asset_metadata("s3://out/x", 7),
        Err(AssetError::Metadata { key: "s3://out/x".into(), reason: "they are 7".into() })
    );
}
