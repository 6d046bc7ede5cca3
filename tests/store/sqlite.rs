//! What is SQLite's own: files, other processes, and what can befall a file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use flowcore::model::{FlowRunFilter, LogFilter, LogLevel, Page, StateType, TaskRunFilter};
use flowcore::store::{self, Store, StoreError};
use sqlx::{Connection, Executor, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::cases::flow_runs::insert;
use crate::model::{flow_run, log, task_record};

/// The file that a child process is to write to, and its number among them.
const CHILD_FILE: &str = "FLOWCORE_TEST_STORE_FILE";
const CHILD_NUMBER: &str = "FLOWCORE_TEST_STORE_CHILD";

/// How many changes each of several writers makes.
const CHANGES: u64 = 1_000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn file(folder: &TempDir) -> String {
    folder.path().join("runs.db").display().to_string()
}

async fn raw(file: &str) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{file}")).await.unwrap()
}

async fn count(store: &dyn Store) -> usize {
    store.task_runs(&TaskRunFilter { page: Page::ALL, ..TaskRunFilter::default() }).await.unwrap().len()
}

/// Single changes one after the other, which is what gets in the way of others most.
async fn write_many(store: &dyn Store, writer: u64) {
    for number in 0..CHANGES {
        let record = task_record(writer * 100_000 + number, None, &[StateType::Pending, StateType::Completed]);
        assert!(store.record_task_runs(vec![record]).await.unwrap().refused.is_empty());
    }
}

#[test]
fn several_processes_write_at_once() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let children: Vec<_> = (0..3)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "sqlite::child_process", "--nocapture"])
                .env(CHILD_FILE, &file)
                .env(CHILD_NUMBER, number.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    // None of them made the file before: they also begin at once.
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    runtime().block_on(async {
        let store = store::connect(&file).await.unwrap();
        assert_eq!(count(&*store).await as u64, 3 * CHANGES);
    });
}

/// Is nothing by itself: it is what the processes of `several_processes_write_at_once` run.
#[test]
fn child_process() {
    let Ok(file) = std::env::var(CHILD_FILE) else { return };
    let number = std::env::var(CHILD_NUMBER).unwrap().parse().unwrap();
    runtime().block_on(async {
        let store = store::connect(&file).await.unwrap();
        write_many(&*store, number).await;
        store.close().await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_write_at_once() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let handles = [store::connect(&file).await.unwrap(), store::connect(&file).await.unwrap()];
    let writers = handles
        .clone()
        .into_iter()
        .zip(0..)
        .map(|(store, number)| tokio::spawn(async move { write_many(&*store, number).await }));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for store in handles {
        assert_eq!(count(&*store).await as u64, 2 * CHANGES);
    }
}

#[test]
fn a_new_file_is_opened_by_many_at_once() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let file = file(&folder);
        thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    runtime().block_on(async {
                        let store = store::connect(file).await.unwrap();
                        insert(&store, &flow_run(number)).await;
                    });
                });
            }
        });
        runtime().block_on(async {
            let store = store::connect(&file).await.unwrap();
            assert_eq!(store.flow_runs(&FlowRunFilter::default()).await.unwrap().len(), 8);
        });
    }
}

/// Whatever a runtime was doing when it went: what was acknowledged is there, and callers in other runtimes are served,
/// also those whose changes were in its hands.
#[test]
fn a_store_outlives_the_runtimes_it_is_used_in() {
    let folder = TempDir::new().unwrap();
    let store = runtime().block_on(store::connect(&file(&folder))).unwrap();
    let (over, lines) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut acknowledged = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            runtime().block_on(async {
                while !over.load(Ordering::SeqCst) {
                    let number = lines.fetch_add(1, Ordering::SeqCst);
                    store.append_logs(vec![log(number, None, None, LogLevel::Info)]).await.unwrap();
                }
            });
        });
        for round in 0..20 {
            acknowledged += write_until_the_runtime_ends(&store, round);
        }
        over.store(true, Ordering::SeqCst);
    });
    runtime().block_on(async {
        let rows = count(&*store).await as u64;
        assert!(rows >= acknowledged, "{rows} rows of {acknowledged}");
        let kept = store.logs(&LogFilter { page: Page::ALL, ..LogFilter::default() }).await.unwrap().len();
        assert_eq!(kept as u64, lines.load(Ordering::SeqCst));
    });
}

/// Writes from several tasks, ends their runtime in the middle, and tells how many changes were acknowledged.
fn write_until_the_runtime_ends(store: &Arc<dyn Store>, round: u64) -> u64 {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for caller in 0..8 {
        let (store, done) = (store.clone(), done.clone());
        runtime.spawn(async move {
            for number in 0.. {
                let number = (round * 8 + caller) * 100_000 + number;
                store.record_task_runs(vec![task_record(number, None, &[StateType::Pending])]).await.unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while done.load(Ordering::SeqCst) < 20 {
        thread::yield_now();
    }
    runtime.shutdown_background();
    done.load(Ordering::SeqCst)
}

#[test]
fn a_handle_dropped_while_it_writes_leaves_whole_batches() {
    let folder = TempDir::new().unwrap();
    for round in 0..10 {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = runtime.block_on(store::connect(&file(&folder))).unwrap();
        let batch: Vec<_> =
            (0..2_000).map(|row| task_record(round * 10_000 + row, None, &[StateType::Pending])).collect();
        let write = tokio_spawn(&runtime, store, batch);
        if round % 2 == 0 {
            runtime.block_on(async { tokio::task::yield_now().await });
        }
        drop(write);
        runtime.shutdown_background();
    }
    runtime().block_on(async {
        let store = store::connect(&file(&folder)).await.unwrap();
        // The last one may still be on its way to its end: a change behind it is not.
        store.append_logs(vec![log(1, None, None, LogLevel::Info)]).await.unwrap();
        assert_eq!(count(&*store).await % 2_000, 0);
    });
}

fn tokio_spawn(
    runtime: &Runtime,
    store: Arc<dyn Store>,
    batch: Vec<flowcore::model::TaskRunRecord>,
) -> tokio::task::JoinHandle<()> {
    runtime.spawn(async move {
        store.record_task_runs(batch).await.unwrap();
    })
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    store::connect(&file).await.unwrap().close().await.unwrap();
    let mut connection = raw(&file).await;
    connection.execute("UPDATE flowcore_schema SET version = 900").await.unwrap();
    connection.close().await.unwrap();
    let error = store::connect(&file).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 900, .. }), "{error}");
    let known = "has schema version 900, and this flowcore knows versions up to";
    assert!(error.to_string().contains(known), "{error}");
    assert!(error.to_string().contains(&file), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    fs::write(&file, "this is a letter to a friend, and much longer than a header: ".repeat(400)).unwrap();
    let error = store::connect(&file).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("this is a letter"), "it is left as it was");
}

#[tokio::test]
async fn a_damaged_file_is_reported() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let store = store::connect(&file).await.unwrap();
    write_many(&*store, 1).await;
    store.close().await.unwrap();
    let mut bytes = fs::read(&file).unwrap();
    // All but the first pages, which hold the schema.
    let begin = bytes.len() / 2;
    bytes[begin..].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    let store = store::connect(&file).await.unwrap();
    let filter = TaskRunFilter { page: Page::ALL, ..TaskRunFilter::default() };
    let error = store.task_runs(&filter).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_file_is_read_without_being_written() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let url = format!("sqlite://{file}?mode=ro");
    let error = store::connect(&url).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    assert!(!Path::new(&file).exists());

    let store = store::connect(&file).await.unwrap();
    insert(&store, &flow_run(1)).await;
    let reader = store::connect(&url).await.unwrap();
    assert_eq!(reader.flow_runs(&FlowRunFilter::default()).await.unwrap().len(), 1);
    let refused = reader.insert_flow_run(flow_run(2), vec![flow_run(2).state]).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("check the permissions"));
    insert(&store, &flow_run(3)).await;
    assert_eq!(reader.flow_runs(&FlowRunFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let blocked = folder.path().join("a file");
    fs::write(&blocked, "").unwrap();
    let error = store::connect(blocked.join("runs.db").to_str().unwrap()).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    assert!(error.to_string().contains("a file cannot be made"), "{error}");
}

/// A change that the database refuses takes none of those with it that were written in the same transaction.
#[tokio::test]
async fn a_refused_change_fails_alone() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let store = store::connect(&file).await.unwrap();
    let mut connection = raw(&file).await;
    let trigger = "CREATE TRIGGER t BEFORE INSERT ON logs WHEN new.message = 'line 13' \
         BEGIN SELECT RAISE(ABORT, 'unlucky'); END";
    connection.execute(trigger).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = store.clone();
        callers.spawn(async move {
            let line = log(number, None, None, LogLevel::Info);
            (number, store.append_logs(vec![line]).await)
        });
    }
    for (number, result) in callers.join_all().await {
        match result {
            Ok(()) => assert_ne!(number, 13),
            Err(error) => assert!(number == 13 && error.to_string().contains("unlucky"), "{number}: {error}"),
        }
    }
    assert_eq!(store.logs(&LogFilter::default()).await.unwrap().len(), 39);
}

#[tokio::test]
async fn the_embedded_file_is_durable_and_concurrent_by_default() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let store = store::connect(&file).await.unwrap();
    insert(&store, &flow_run(1)).await;
    let mut connection = raw(&file).await;
    let mode: String = connection.fetch_one("PRAGMA journal_mode").await.unwrap().get(0);
    assert_eq!(mode, "wal");
    connection.close().await.unwrap();
    store.close().await.unwrap();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["runs.db"], "a closed store leaves no journal");
}
