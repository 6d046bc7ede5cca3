//! Concurrency limits across processes that share a database, some of which are killed; and the short form of the proof
//! that `cargo xtask prove limits` is in full.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowcore::model::Occupancy;
use flowcore::orchestration::NewLimit;
use flowcore::settings::Settings;
use flowcore::{ConcurrencyGuard, Engine, concurrency};
use tempfile::TempDir;

/// What takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long a slot may stay without a holder while somebody waits for it.
const PROMPTLY: Duration = Duration::from_secs(1);

struct World {
    home: TempDir,
    engine: Engine,
}

/// Another process that takes slots.
struct Other(Child);

impl World {
    async fn new(slots: u32) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().to_str().expect("a path").to_owned();
        let lookup = |name: &str| (name == "FLOWCORE_HOME").then(|| path.clone());
        let settings = Settings::from_lookup(&lookup).expect("settings");
        let engine = Engine::connect(&settings).await.expect("an engine");
        engine.client().create_limit(NewLimit::new("db", slots)).await.expect("a limit");
        World { home, engine }
    }

    fn start(&self, arguments: &[&str]) -> Other {
        Other(command(self.home.path(), arguments).spawn().expect("a process"))
    }

    async fn stands(&self) -> Occupancy {
        self.engine.client().occupancy(&["db".to_owned()]).await.expect("an answer")
    }

    async fn until_there_are(&self, leases: usize, requests: usize) {
        let begin = Instant::now();
        loop {
            let stands = self.stands().await;
            if (stands.leases.len(), stands.requests.len()) == (leases, requests) {
                return;
            }
            assert!(begin.elapsed() < DEADLINE, "{leases} leases and {requests} requests: {stands:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn wait(&self) -> tokio::task::JoinHandle<ConcurrencyGuard> {
        let call = concurrency("db", 1).on(&self.engine);
        tokio::spawn(async move {
            let granted = tokio::time::timeout(DEADLINE, call.into_future()).await;
            granted.expect("the slot in time").expect("the slot")
        })
    }
}

impl Other {
    /// Waits until it says a word.
    fn says(&mut self, word: &str) {
        let mut line = String::new();
        let out = self.0.stdout.as_mut().expect("a pipe");
        BufReader::with_capacity(1, out).read_line(&mut line).expect("a line");
        assert_eq!(line.trim_end(), word);
    }

    fn release(&mut self) {
        writeln!(self.0.stdin.as_mut().expect("a pipe")).expect("a listener");
    }

    /// Kills it with SIGKILL.
    fn kill(&mut self) {
        self.0.kill().expect("a kill");
        self.0.wait().expect("an end");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prove"));
    command.args(arguments).env("FLOWCORE_HOME", home).env_remove("FLOWCORE_EXECUTE_FLOW_RUN");
    command.env_remove("FLOWCORE_DATABASE_URL").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_holders_slot_is_free_at_once() {
    let world = World::new(1).await;
    let mut holder = world.start(&["holder", "1"]);
    holder.says("held");
    let waiting = world.wait();
    world.until_there_are(1, 1).await;
    // Long enough to be looked at while it lives.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "its holder lives");
    holder.kill();
    let killed = Instant::now();
    let guard = waiting.await.expect("the slot");
    assert!(killed.elapsed() < PROMPTLY, "{:?}", killed.elapsed());
    guard.release().await.expect("the store");
    assert_eq!(world.stands().await.leases, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_waiter_is_in_nobodys_way() {
    let world = World::new(2).await;
    let mut holder = world.start(&["holder", "1"]);
    holder.says("held");
    // It wants both, and comes before this process, which could have one.
    let mut first = world.start(&["holder", "2"]);
    world.until_there_are(1, 1).await;
    let waiting = world.wait();
    world.until_there_are(1, 2).await;
    first.kill();
    let killed = Instant::now();
    drop(waiting.await.expect("the slot"));
    assert!(killed.elapsed() < PROMPTLY, "{:?}", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_noticed_in_other_processes_in_the_order_of_coming() {
    let world = World::new(1).await;
    let mut holder = world.start(&["holder", "1"]);
    holder.says("held");
    let waiting = world.wait();
    world.until_there_are(1, 1).await;
    let mut behind = world.start(&["holder", "1"]);
    world.until_there_are(1, 2).await;
    holder.release();
    holder.says("released");
    let released = Instant::now();
    let guard = waiting.await.expect("the slot");
    assert!(released.elapsed() < PROMPTLY, "{:?}", released.elapsed());
    world.until_there_are(1, 1).await;
    drop(guard);
    behind.says("held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_contend_take_turns() {
    let world = World::new(1).await;
    let file = world.home.path().join("inside");
    let file = file.to_str().expect("a path");
    let mut others: Vec<Other> = (0..3).map(|_| world.start(&["contender", file, "60"])).collect();
    for other in &mut others {
        other.says("done");
    }
    // One that was killed before it had given its last slot back leaves it to whoever asks next.
    drop(others);
    drop(world.wait().await.expect("the slot"));
    world.until_there_are(0, 0).await;
}

#[test]
fn random_moves_keep_the_promises() {
    let home = tempfile::tempdir().expect("a folder");
    let proof = command(home.path(), &["limits", "--steps", "30000", "--seed", "20260101"]).output();
    let proof = proof.expect("the proof can be started");
    let (out, err) = (String::from_utf8_lossy(&proof.stdout), String::from_utf8_lossy(&proof.stderr));
    assert!(proof.status.success(), "{out}\n{err}");
    assert!(out.contains("30000 steps"), "{out}");
}
