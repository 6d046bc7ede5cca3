//! What code knows of the run around it, and the tags that it gives to runs.

use std::sync::Arc;

use flowcore::clock::SystemClock;
use flowcore::orchestration::Orchestrator;
use flowcore::results::{KeyLocks, Storage};
use flowcore::store::Store;
use flowcore::store::memory::MemoryStore;
use flowcore::{Background, Engine, EngineParts, Limits, Result, current, flow, task};

use crate::world::World;

#[task(tags = ["own"])]
async fn tagged() -> Vec<String> {
    current::tags()
}

#[flow(tags = ["inner"])]
async fn tagged_inside() -> Result<Vec<String>> {
    tagged().task_run_name("deep").await?;
    Ok(current::tags())
}

pub(crate) async fn tags_are_given_to_all_runs_inside(store: Arc<dyn Store>) {
    #[flow(tags = ["flow"])]
    async fn tagging() -> Result<Vec<Vec<String>>> {
        let mut seen = vec![current::tags()];
        let submitted = flowcore::tags(["a", "own"]).run(async {
            seen.push(tagged().task_run_name("awaited").await?);
            seen.push(tagged_inside().await?);
            flowcore::tags(["b"]).run(async { tagged_inside().submit().await }).await?;
            Ok::<_, flowcore::Error>(flowcore::tags(["c"]).enter(|| tagged().task_run_name("submitted").submit()))
        });
        let submitted = submitted.await?;
        seen.push(submitted.await?);
        seen.push(tagged().task_run_name("behind").await?);
        Ok(seen)
    }

    let world = World::on(store);
    let seen = flowcore::tags(["outside"]).run(tagging().on(&world.engine).into_future()).await.unwrap();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            texts(&["flow", "outside"]),
            texts(&["own", "flow", "outside", "a"]),
            texts(&["inner", "outside", "a", "own"]),
            texts(&["own", "flow", "outside", "a", "c"]),
            texts(&["own", "flow", "outside"]),
        ]
    );
    assert_eq!(world.flow_run("tagging").await.tags, texts(&["flow", "outside"]));
    assert_eq!(world.task_run("awaited").await.tags, seen[1]);
    assert_eq!(world.task_run("submitted").await.tags, seen[3]);
    assert_eq!(world.task_run("tagged-inside-0").await.tags, texts(&["inner", "outside", "a", "own"]));
    let deep = world.all_task_runs().await.into_iter().filter(|run| run.name == "deep").map(|run| run.tags);
    let inner = texts(&["own", "inner", "outside", "a"]);
    assert_eq!(deep.collect::<Vec<_>>(), [inner.clone(), [inner, texts(&["b"])].concat()]);
}

#[tokio::test]
async fn the_run_is_known_on_other_threads_and_has_its_address() {
    type Known = (Option<String>, Option<String>, Option<i32>);

    fn known() -> Known {
        (current::flow_run_url(), current::task_run_url(), current::attempt())
    }

    #[task]
    fn plain() -> Vec<Known> {
        vec![known(), std::thread::spawn(known).join().unwrap()]
    }

    #[task]
    async fn spawning() -> Vec<Known> {
        let on_pool = current::spawn_blocking(known);
        vec![known(), current::spawn(async { known() }).await.unwrap(), on_pool.await.unwrap()]
    }

    #[flow]
    async fn knowing() -> Result<Vec<Known>> {
        let mut all = vec![known()];
        all.extend(plain().await?);
        all.extend(spawning().await?);
        Ok(all)
    }

    let client = Arc::new(Orchestrator::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock)));
    let engine = |ui_url: Option<&str>| {
        Engine::new(EngineParts {
            client: client.clone(),
            clock: Arc::new(SystemClock),
            storage: Storage::memory(),
            locks: Some(KeyLocks::memory()),
            limits: Limits::default(),
            ui_url: ui_url.map(str::to_owned),
            process_folder: None,
            background: Background::default(),
        })
    };
    let all = knowing().on(&engine(Some("http://ui:4200/"))).await.unwrap();
    let of_flow = all[0].0.clone().unwrap();
    assert!(of_flow.starts_with("http://ui:4200/runs/flow-run/") && all[0].1.is_none(), "{all:?}");
    assert_eq!(all[2], (None, None, None), "a thread of one's own knows nothing");
    for known in [&all[1], &all[3], &all[4], &all[5]] {
        assert_eq!((known.0.as_ref(), known.2), (Some(&of_flow), Some(1)));
        assert!(known.1.as_ref().unwrap().starts_with("http://ui:4200/runs/task-run/"));
    }
    assert_eq!(all[3], all[4]);
    let unknown = knowing().on(&engine(None)).await.unwrap();
    assert!(unknown.iter().all(|(flow, task, _)| flow.is_none() && task.is_none()));
}
