//! What the same work costs without flowcore.

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use crate::embedded::Failed;

/// The columns of a recorded task run, by kind, so that the floor writes as much as flowcore does.
const COLUMNS: &str = "id, flow_run_id, attempt, task_key, dynamic_key, name, task_version, tags, inputs_digest, task_inputs, \
    retries, cache_key, run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, total_run_time, \
    state_type, state_name, history_from, history_len, history, stray_until";
const WIDTH: usize = 24;
const ROWS: usize = 256;

/// Spawns and awaits tasks one after the other; the time of one.
pub(crate) async fn spawn_and_await(tasks: u32) -> Duration {
    let started = Instant::now();
    let mut sum = 0;
    for n in 0..tasks {
        // A task that panicked would not be counted, and none does.
        sum += tokio::spawn(async move { n }).await.unwrap_or_default() as u64;
    }
    std::hint::black_box(sum);
    started.elapsed() / tasks
}

async fn open(path: &std::path::Path, synchronous: SqliteSynchronous) -> Result<SqliteConnection, Failed> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let columns: Vec<String> = COLUMNS.split(", ").map(|name| format!("{name} ANY")).collect();
    let table = format!("CREATE TABLE runs ({}, PRIMARY KEY (id))", columns.join(", "));
    connection.execute(AssertSqlSafe(table)).await?;
    connection.execute("CREATE INDEX runs_by_flow_run ON runs (flow_run_id)").await?;
    Ok(connection)
}

fn insert(rows: usize) -> String {
    let row = format!("({})", vec!["?"; WIDTH].join(","));
    format!("INSERT INTO runs ({COLUMNS}) VALUES {}", vec![row; rows].join(","))
}

/// Binds rows of a completed run of a task without arguments, with three states in its history.
fn arguments(rows: usize, flow_run: Uuid) -> Result<SqliteArguments, Failed> {
    const STATE: &str = r#"{"id":"01936f0e-7c3a-7c61-9d59-6f8e6f0b0001","type":"COMPLETED","name":"Completed","timestamp":"2026-01-01T00:00:00.000000Z"}"#;
    const TIME: i64 = 1_767_225_600_000_000;
    let mut bound = SqliteArguments::default();
    for n in 0..rows {
        bound.add(Uuid::now_v7())?;
        bound.add(flow_run)?;
        bound.add(1_i64)?;
        bound.add("flowcore_bench::work::noop")?;
        bound.add(format!("{n:024x}-0"))?;
        bound.add(format!("noop-{n}"))?;
        bound.add(None::<String>)?;
        bound.add("[]")?;
        bound.add(vec![7_u8; 32])?;
        bound.add("{}")?;
        bound.add("{}")?;
        bound.add(None::<String>)?;
        bound.add(1_i64)?;
        bound.add(TIME)?;
        bound.add(None::<i64>)?;
        bound.add(TIME)?;
        bound.add(TIME)?;
        bound.add(17_i64)?;
        bound.add("COMPLETED")?;
        bound.add("Completed")?;
        bound.add(0_i64)?;
        bound.add(3_i64)?;
        bound.add(format!("{STATE},{STATE},{STATE}"))?;
        bound.add(None::<i64>)?;
    }
    Ok(bound)
}

/// Inserts rows in batches of 1,024, committed each; rows in a second.
pub(crate) async fn raw_inserts(folder: &std::path::Path, rows: usize) -> Result<f64, Failed> {
    let mut connection = open(&folder.join("raw.db"), SqliteSynchronous::Full).await?;
    let (statement, flow_run) = (insert(ROWS), Uuid::now_v7());
    let started = Instant::now();
    for _ in 0..rows / (4 * ROWS) {
        connection.execute("BEGIN IMMEDIATE").await?;
        for _ in 0..4 {
            let bound = arguments(ROWS, flow_run)?;
            sqlx::query_with(AssertSqlSafe(statement.as_str()), bound).execute(&mut connection).await?;
        }
        connection.execute("COMMIT").await?;
    }
    Ok((rows / (4 * ROWS) * 4 * ROWS) as f64 / started.elapsed().as_secs_f64())
}

/// Commits one row at a time; commits in a second.
pub(crate) async fn bare_commits(folder: &std::path::Path, commits: u32, full: bool) -> Result<f64, Failed> {
    let (name, synchronous) =
        if full { ("full.db", SqliteSynchronous::Full) } else { ("normal.db", SqliteSynchronous::Normal) };
    let mut connection = open(&folder.join(name), synchronous).await?;
    let (statement, flow_run) = (insert(1), Uuid::now_v7());
    let started = Instant::now();
    for _ in 0..commits {
        let bound = arguments(1, flow_run)?;
        sqlx::query_with(AssertSqlSafe(statement.as_str()), bound).execute(&mut connection).await?;
    }
    Ok(f64::from(commits) / started.elapsed().as_secs_f64())
}
