//! Where results are kept, and how they are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowcore::model::StateData;
use flowcore::results::{Lookup, Serializer, Storage};
use flowcore::store::Store;
use flowcore::{Limits, Result, flow, task};

use crate::world::World;

#[task]
async fn letters(length: usize) -> String {
    "x".repeat(length)
}

fn kind(data: Option<&StateData>) -> String {
    match data {
        None => "nothing".into(),
        Some(StateData::Inline { value }) => format!("inline of {}", value.get().len()),
        Some(StateData::Stored { record }) => format!("stored as {}", record.serializer),
        Some(StateData::Foreign { .. }) => "foreign".into(),
        Some(StateData::Failure { .. }) => "failure".into(),
    }
}

impl World {
    async fn kept(&self, task: &str) -> String {
        kind(self.task_run(task).await.state.data.as_deref())
    }
}

pub(crate) async fn small_results_are_inline_and_large_ones_stored(store: Arc<dyn Store>) {
    #[flow]
    async fn sizes() -> Result<String> {
        letters(8).task_run_name("small").await?;
        letters(9).task_run_name("large").await?;
        letters(1).task_run_name("asked for").persist_result(true).await?;
        letters(99).task_run_name("unwanted").persist_result(false).await?;
        Ok(letters(1).task_run_name("packed").serializer(Serializer::MSGPACK).await?)
    }

    // Eight letters and two quotation marks.
    let world = World::with(store, Storage::memory(), Limits { inline_result: 10, ..Limits::default() });
    sizes().on(&world.engine).await.unwrap();
    sizes().persist_result(true).on(&world.engine).flow_run_name("kept").await.unwrap();
    let runs = world.all_task_runs().await;
    let kinds: BTreeMap<_, _> = runs.iter().map(|run| (run.name.as_str(), kind(run.state.data.as_deref()))).collect();
    let expected = [
        ("asked for", "stored as json"),
        ("large", "stored as json"),
        ("packed", "stored as msgpack"),
        ("small", "inline of 10"),
        ("unwanted", "nothing"),
    ];
    assert_eq!(kinds, expected.map(|(name, kind)| (name, kind.to_owned())).into());
    let flow_runs = world.client.flow_runs(&flowcore::model::FlowRunFilter::default()).await.unwrap();
    let kinds: Vec<_> = flow_runs.iter().map(|run| kind(run.state.data.as_deref())).collect();
    assert_eq!(kinds, ["stored as json", "inline of 3"]);
}

#[tokio::test]
async fn each_serializer_is_read_back() {
    #[task]
    async fn made(name: String) -> BTreeMap<String, Vec<f64>> {
        [(name, vec![1.5, -0.25])].into()
    }

    #[flow]
    async fn in_each() -> Result<()> {
        for serializer in [Serializer::JSON, Serializer::MSGPACK, Serializer::JSON_GZIP, Serializer::MSGPACK_GZIP] {
            let name = serializer.name();
            let call = || {
                let key = flowcore::CachePolicy::key(move |_| Some(format!("in {name}")));
                made(name).persist_result(true).serializer(serializer).cache(key)
            };
            let (first, second) = (call().await?, call().return_state().await);
            assert_eq!(second.state.map(|state| state.name.into_owned()).as_deref(), Some("Cached"));
            assert_eq!(first, second.result?);
        }
        Ok(())
    }

    let world = World::memory();
    in_each().on(&world.engine).await.unwrap();
    let now = flowcore::clock::Clock::now(&*world.clock);
    for (name, beginning) in [("json", &b"{\"json\""[..]), ("json/gzip", &[0x1f, 0x8b]), ("msgpack", &[0x81])] {
        let Lookup::Found { metadata, payload } = world.storage.read(&format!("in {name}"), now).await else {
            panic!("nothing in {name}")
        };
        assert_eq!(metadata.serializer, name);
        assert!(payload.starts_with(beginning), "{name}: {payload:?}");
    }
}

#[tokio::test]
async fn results_are_stored_where_and_under_which_key_it_is_said() {
    #[task(result_storage_key = "{flow_name}/{length}/{task_name}/{flow_run_name}")]
    async fn keyed(length: usize) -> usize {
        length
    }

    #[flow(flow_run_name = "today", persist_result = true, result_storage_key = "whole-{n}-{flow_run_name}")]
    async fn places(n: u32, #[resource] elsewhere: Storage) -> Result<u32> {
        keyed(3).persist_result(true).await?;
        letters(2).persist_result(true).result_storage(elsewhere).result_storage_key("own {length}").await?;
        letters(1).persist_result(true).await?;
        Ok(n)
    }

    let (world, elsewhere) = (World::memory(), Storage::memory());
    places(7, elsewhere.clone()).on(&world.engine).await.unwrap();
    let by_id = world.task_run("letters-1").await.id.to_string();
    let mut expected = vec!["places/3/keyed/today".to_owned(), "whole-7-today".to_owned(), by_id];
    expected.sort();
    assert_eq!(world.storage.list("").await.unwrap(), expected);
    assert_eq!(elsewhere.list("").await.unwrap(), ["own 2"]);
}

#[tokio::test]
async fn what_json_cannot_show_is_kept_by_another_serializer_or_not_at_all() {
    #[task]
    async fn pairs() -> BTreeMap<(u8, u8), u8> {
        [((1, 2), 3)].into()
    }

    #[flow]
    async fn unshowable() -> Result<u8> {
        pairs().task_run_name("not kept").await?;
        let kept = pairs().task_run_name("packed").serializer(Serializer::MSGPACK).await?;
        let refused = pairs().task_run_name("asked for").persist_result(true).await;
        assert!(format!("{:?}", refused.unwrap_err()).contains("key must be a string"));
        Ok(kept[&(1, 2)])
    }

    let world = World::memory();
    assert_eq!(unshowable().on(&world.engine).await.unwrap(), 3);
    assert_eq!(world.kept("not kept").await, "nothing");
    assert_eq!(world.kept("packed").await, "stored as msgpack");
    assert_eq!(world.kept("asked for").await, "failure");
    let lines = world.logs().await;
    assert_eq!(lines.iter().filter(|line| line.message.contains("the result is not kept")).count(), 1);
}
