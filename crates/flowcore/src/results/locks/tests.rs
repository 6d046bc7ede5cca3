#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::yield_now;

use super::folder::try_lock;
use super::*;

impl KeyLocks {
    /// How many keys are held or waited for.
    fn queued(&self) -> usize {
        self.queues.lock().len()
    }

    /// How many hold the key or wait for it.
    fn crowd(&self, key: &str) -> usize {
        self.queues.lock().get(key).map_or(0, |queue| queue.places)
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Polls the future once and tells whether it is still waiting.
async fn waits<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn one_at_a_time_per_key_and_other_keys_are_free() {
    let folder = tempfile::tempdir().unwrap();
    for locks in [KeyLocks::memory(), KeyLocks::in_folder(folder.path())] {
        let held = locks.acquire("a").await.unwrap();
        let other = locks.acquire("b").await.unwrap();
        let mut second = std::pin::pin!(locks.acquire("a"));
        assert!(waits(&mut second).await);
        drop(held);
        drop(second.await.unwrap());
        drop(other);
        assert_eq!(locks.queued(), 0);
    }
    assert_eq!(files(folder.path()), 0, "released locks leave no files");
}

#[tokio::test]
async fn tasks_of_one_process_get_the_key_in_the_order_of_asking() {
    let folder = tempfile::tempdir().unwrap();
    for locks in [KeyLocks::memory(), KeyLocks::in_folder(folder.path())] {
        let held = locks.acquire("a").await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..10 {
            let (locks, order) = (locks.clone(), Arc::clone(&order));
            let before = locks.crowd("a");
            let watched = locks.clone();
            waiting.push(tokio::spawn(async move {
                let _guard = locks.acquire("a").await.unwrap();
                order.lock().unwrap().push(number);
            }));
            while watched.crowd("a") == before {
                yield_now().await;
            }
        }
        drop(held);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
        assert_eq!(locks.queued(), 0);
    }
}

#[tokio::test]
async fn whoever_gives_up_leaves_nothing_behind() {
    let locks = KeyLocks::memory();
    let held = locks.acquire("a").await.unwrap();
    {
        let mut gone = std::pin::pin!(locks.acquire("a"));
        assert!(waits(&mut gone).await);
    }
    // The other way round: the holder leaves first, and then the one who waited gives up the turn that was theirs.
    let mut gone = Box::pin(locks.acquire("a"));
    assert!(waits(&mut gone.as_mut()).await);
    drop(held);
    assert_eq!(locks.queued(), 1);
    drop(gone);
    assert_eq!(locks.queued(), 0);
    drop(locks.acquire("a").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_handles_on_one_folder_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let locks = KeyLocks::in_folder(folder.path().join("made/when/needed"));
        for _ in 0..2 {
            let (locks, inside) = (locks.clone(), Arc::clone(&inside));
            tasks.push(tokio::spawn(async move {
                for _ in 0..25 {
                    let _guard = locks.acquire("key").await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the key");
                    yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(files(&folder.path().join("made/when/needed")), 0);
}

#[tokio::test]
async fn a_file_that_nobody_locks_is_no_obstacle_and_one_that_is_locked_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{}.lock", blake3::hash(b"key").to_hex()));
    let locks = KeyLocks::in_folder(folder.path());
    std::fs::write(&path, "left by a process that was killed").unwrap();
    drop(locks.acquire("key").await.unwrap());
    let foreign = File::create(&path).unwrap();
    foreign.lock().unwrap();
    assert!(try_lock(path.clone()).unwrap().is_none());
    let waiting = tokio::spawn(async move { locks.acquire("key").await.map(drop) });
    drop(foreign);
    waiting.await.unwrap().unwrap();
}

/// Where the process of the test below finds the folder.
const FOLDER: &str = "FLOWCORE_TEST_LOCKS";

/// Is nothing by itself: it is what the other process of the next test runs.
#[tokio::test]
async fn other_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let locks = KeyLocks::in_folder(folder);
    let _held = locks.acquire("key").await.unwrap();
    println!("\nheld");
    // Until it is killed. If the test dies first, its end of the pipe closes.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[tokio::test]
async fn a_key_of_another_process_is_free_when_that_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "results::locks::tests::other_process", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));

    let path = folder.path().join(format!("{}.lock", blake3::hash(b"key").to_hex()));
    assert!(try_lock(path.clone()).unwrap().is_none(), "the other process holds the key");
    let locks = KeyLocks::in_folder(folder.path());
    let mut waiting = std::pin::pin!(locks.acquire("key"));
    assert!(waits(&mut waiting).await);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(path.exists(), "a killed process cannot remove its file");
    drop(waiting.await.unwrap());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let locks = KeyLocks::in_folder(file.path().join("locks"));
    let error = locks.acquire("key").await.unwrap_err();
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    assert_eq!(locks.queued(), 0);
}

/// A manager of another kind: it notes what it is asked for.
#[derive(Debug, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

struct Noted(Arc<Mutex<Vec<String>>>, String);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(format!("-{}", self.1));
    }
}

impl HeldKey for Noted {}

#[async_trait]
impl LockManager for Noting {
    async fn acquire(&self, key: &str) -> Result<Box<dyn HeldKey>, ResultError> {
        if key == "broken" {
            return Err(ResultError::Lock { place: "nowhere".into(), reason: "nobody is there".into() });
        }
        self.0.lock().unwrap().push(format!("+{key}"));
        Ok(Box::new(Noted(self.0.clone(), key.to_owned())))
    }
}

#[tokio::test]
async fn a_manager_is_asked_by_one_task_at_a_time() {
    let manager = Arc::new(Noting::default());
    let locks = KeyLocks::managed(manager.clone());
    let held = locks.acquire("a").await.unwrap();
    let mut second = std::pin::pin!(locks.acquire("a"));
    assert!(waits(&mut second).await);
    assert_eq!(*manager.0.lock().unwrap(), ["+a"]);
    drop(held);
    drop(second.await.unwrap());
    assert_eq!(*manager.0.lock().unwrap(), ["+a", "-a", "+a", "-a"]);
    let error = locks.acquire("broken").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot take the lock on a key in nowhere: nobody is there");
    assert_eq!(locks.queued(), 0);
}
