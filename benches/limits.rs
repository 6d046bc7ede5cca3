//! Concurrency limits: what it costs to take a slot and give it back, alone and with many who wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::orchestration::NewLimit;
use flowcore::{ConcurrencyError, Engine, concurrency};

use crate::embedded::{Failed, ROUNDS, sqlite};
use crate::floors;
use crate::report::{Better, Report, Row};

/// How many wait for the one slot.
const WAITING: u32 = 64;

/// Takes and gives back, in SQLite with durable commits; beside the bare commits that this takes at least.
pub(crate) async fn limits(report: &mut Report) -> Result<(), Failed> {
    let (mut alone, mut contended, mut commit) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let commits = floors::bare_commits(folder.path(), 2_000, true).await?;
        commit = commit.min(Duration::from_secs_f64(1.0 / commits));
        let engine = sqlite(folder.path(), "full").await?;
        engine.client().create_limit(NewLimit::new("db", 1)).await?;
        alone = alone.min(in_turn(&engine, 1_000).await?);
        contended = contended.min(at_once(&engine, 16).await?);
        engine.close().await?;
    }
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    // With others in the way a slot is asked for in vain first.
    for (name, value, commits, budget, note) in [
        ("slot taken and given back, FULL / two bare commits", alone, 2, 3.0, "absolute budget 300 us"),
        ("the same, 64 waiting for one / three bare commits", contended, 3, 4.0, "a handover each"),
    ] {
        let (value, floor, note) = (us(value), us(commit * commits), note.to_owned());
        report.row(&Row { name: name.into(), unit: "us", value, floor, budget, better: Better::Less, note });
    }
    Ok(())
}

async fn in_turn(engine: &Engine, times: u32) -> Result<Duration, ConcurrencyError> {
    let started = Instant::now();
    for _ in 0..times {
        concurrency("db", 1).on(engine).await?.release().await?;
    }
    Ok(started.elapsed() / times)
}

async fn at_once(engine: &Engine, times: u32) -> Result<Duration, Failed> {
    let engine = Arc::new(engine.clone());
    let started = Instant::now();
    let lanes = (0..WAITING).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move { in_turn(&engine, times).await })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await??;
    }
    Ok(started.elapsed() / (WAITING * times))
}
