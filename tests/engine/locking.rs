//! Locks on keys in the database: between engines, and between processes of which one is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::model::{StateType, TaskRunFilter};
use flowcore::results::Storage;
use flowcore::settings::{LockPlace, Settings};
use flowcore::store::Store;
use flowcore::{Engine, Isolation, Result, TransactionEvent, flow, task, transaction};

use crate::backend;
use crate::gate::{Gate, count, counted, unique};
use crate::world::{World, soon};

/// How long a key may stay without a holder while another process waits for it.
const PROMPTLY: Duration = Duration::from_secs(1);

fn two_worlds(store: Arc<dyn Store>) -> [World; 2] {
    let storage = Storage::memory();
    [(); 2].map(|()| World::with_locks_in(store.clone(), storage.clone()))
}

#[task(on_rollback = undone)]
async fn change(test: String, #[resource] gate: Gate) {
    count(format!("{test} done"));
    gate.pass().await;
}

async fn undone(event: TransactionEvent) -> Result<()> {
    count(format!("{} undone", event.argument::<String>("test")?));
    Ok(())
}

#[flow]
async fn changes_alone(test: String, answer: u32, #[resource] gate: Gate) -> Result<u32> {
    transaction()
        .key(test.clone())
        .isolation(Isolation::Serializable)
        .run(async |_| {
            change(test, gate).await?;
            Ok(answer)
        })
        .await
}

pub(crate) async fn a_key_is_held_by_one_engine_at_a_time(store: Arc<dyn Store>) {
    let ([one, other], test) = (two_worlds(store), unique());
    let (gate, open) = (Gate::new(), Gate::new());
    open.open();
    let first = changes_alone(&*test, 1u32, gate.clone()).on(&one.engine).submit();
    gate.somebody().await;
    let second = changes_alone(&*test, 2u32, open.clone()).on(&other.engine).submit();
    assert!(!second.wait(0.2).await, "the key is held");
    gate.open();
    assert_eq!(soon("the first", first).await.unwrap(), 1);
    assert_eq!(soon("the second", second).await.unwrap(), 1, "what the first has committed");
    assert_eq!(counted(&format!("{test} done")), 1);
    one.engine.flush().await.unwrap();
}

pub(crate) async fn who_has_lost_its_lock_commits_nothing(store: Arc<dyn Store>) {
    let ([one, other], test) = (two_worlds(store.clone()), unique());
    let (gate, open) = (Gate::new(), Gate::new());
    open.open();
    let first = changes_alone(&*test, 1u32, gate.clone()).on(&one.engine).submit();
    gate.somebody().await;
    // As who takes its process for dead does.
    let process = store.processes().await.unwrap()[0].id;
    assert_eq!(store.remove_slots_of(&[process]).await.unwrap(), 1);
    let second = changes_alone(&*test, 2u32, open.clone()).on(&other.engine).submit();
    assert_eq!(soon("the second", second).await.unwrap(), 2);
    gate.open();
    let error = soon("the first", first).await.unwrap_err();
    assert!(format!("{error:?}").contains("this process was taken for dead"), "{error:?}");
    assert_eq!((counted(&format!("{test} done")), counted(&format!("{test} undone"))), (2, 1));
    let third = changes_alone(&*test, 3u32, open).on(&one.engine).await;
    assert_eq!(third.unwrap(), 2, "what was committed is the second's");
}

#[task(cache = INPUTS.isolated(), persist_result = true)]
async fn computed(test: String) -> u32 {
    count(test)
}

#[flow]
async fn computes(test: String) -> Result<u32> {
    Ok(computed(test).await?)
}

pub(crate) async fn an_isolated_key_is_computed_by_one_engine(store: Arc<dyn Store>) {
    let (worlds, test) = (two_worlds(store), unique());
    let calls = worlds.iter().cycle().take(8).map(|world| computes(&*test).on(&world.engine).submit());
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(soon("a result", call).await.unwrap(), 1);
    }
    for world in &worlds {
        world.engine.flush().await.unwrap();
    }
    let runs = worlds[0].client.task_runs(&TaskRunFilter::default()).await.unwrap();
    let cached = runs.iter().filter(|run| run.state.name == "Cached").count();
    assert_eq!((cached, runs.iter().filter(|run| run.state.kind == StateType::Completed).count()), (7, 8));
}

/// Another process that holds a key.
struct Holder(Child);

impl Holder {
    fn start(database: &str, home: &Path, key: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_prove"));
        command.args(["locker", key]).env("FLOWCORE_HOME", home).env("FLOWCORE_DATABASE_URL", database);
        command.env("FLOWCORE_LOCK_MANAGER", "database").env_remove("FLOWCORE_EXECUTE_FLOW_RUN");
        let mut holder = Holder(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
        holder.says("held");
        holder
    }

    fn says(&mut self, word: &str) {
        let mut line = String::new();
        let out = self.0.stdout.as_mut().unwrap();
        BufReader::with_capacity(1, out).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), word);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One process is killed while it holds the key, another lets it go; this one waits for both, with a home of its own.
async fn processes_share_a_key(database: &str) {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let home = homes[0].path().to_string_lossy().into_owned();
    let settings = Settings::from_lookup(&|name| match name {
        "FLOWCORE_HOME" => Some(home.clone()),
        "FLOWCORE_DATABASE_URL" => Some(database.to_owned()),
        "FLOWCORE_LOCK_MANAGER" => Some("database".to_owned()),
        _ => None,
    });
    let engine = Engine::connect(&settings.unwrap()).await.unwrap();
    for killed in [true, false] {
        let key = if killed { "killed" } else { "released" };
        let mut holder = Holder::start(database, homes[1].path(), key);
        let call = transaction().key(key).isolation(Isolation::Serializable).on(&engine);
        let waiting = tokio::spawn(call.run(async |_| Ok(Instant::now().elapsed().as_secs())));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished(), "its holder lives");
        if killed {
            holder.0.kill().unwrap();
            holder.0.wait().unwrap();
        } else {
            writeln!(holder.0.stdin.as_mut().unwrap()).unwrap();
            holder.says("released");
        }
        let free = Instant::now();
        soon("the key", waiting).await.unwrap().unwrap();
        assert!(free.elapsed() < PROMPTLY, "{key}: {:?}", free.elapsed());
    }
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_key_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    processes_share_a_key(&format!("sqlite://{}", folder.path().join("runs.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_key_by_postgres() {
    let Some(fresh) = backend::postgres("processes_share_a_key").await else { return };
    let (server, name) = fresh.database.clone().unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    processes_share_a_key(&format!("{place}/{name}")).await;
    fresh.remove().await;
}

#[test]
fn the_place_of_locks_follows_the_database_unless_it_is_set() {
    let place = |database: &str, set: Option<&str>| {
        let settings = Settings::from_lookup(&|name| match name {
            "FLOWCORE_HOME" => Some("/srv".to_owned()),
            "FLOWCORE_DATABASE_URL" => Some(database.to_owned()),
            "FLOWCORE_LOCK_MANAGER" => set.map(str::to_owned),
            _ => None,
        });
        settings.unwrap().lock_place()
    };
    assert_eq!(place("postgresql+asyncpg://me@host/runs", None), LockPlace::Database);
    assert_eq!(place("/srv/runs.db", None), LockPlace::Folder);
    assert_eq!(place("/srv/runs.db", Some("DATABASE")), LockPlace::Database);
    assert_eq!(place("postgresql://me@host/runs", Some("folder")), LockPlace::Folder);
}
