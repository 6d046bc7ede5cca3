//! The embedded library: what a task costs, and how many are recorded in a second.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowcore::settings::Settings;
use flowcore::{BoxError, Engine};

use crate::floors;
use crate::limits::limits;
use crate::report::{Better, Report, Row};
use crate::work;

/// Why a benchmark could not be run.
pub(crate) type Failed = BoxError;

/// Each figure is the best of so many: what disturbs a run only makes it slower.
pub(crate) const ROUNDS: usize = 3;

/// Measures all groups of figures, or the one that is named.
pub(crate) async fn run(report: &mut Report, only: Option<&str>) -> Result<(), Failed> {
    let wanted = |name| only.is_none_or(|only| only == name);
    // First, so that the peak of memory is its own.
    if wanted("recorded") {
        recorded(report).await?;
    }
    if wanted("maps") {
        maps(report).await?;
    }
    if wanted("overhead") {
        overhead(report).await?;
    }
    if wanted("committed") {
        committed(report).await?;
    }
    if wanted("flows") {
        flows(report).await?;
    }
    if wanted("limits") {
        limits(report).await?;
    }
    Ok(())
}

/// Makes an engine on a fresh SQLite database.
pub(crate) async fn sqlite(folder: &Path, synchronous: &str) -> Result<Engine, Failed> {
    let home = folder.join(uuid::Uuid::now_v7().to_string());
    let lookup = |name: &str| match name {
        "FLOWCORE_HOME" => Some(home.to_string_lossy().into_owned()),
        "FLOWCORE_DATABASE_URL" => {
            Some(format!("sqlite://{}?synchronous={synchronous}", home.join("flowcore.db").display()))
        }
        _ => None,
    };
    Ok(Engine::connect(&Settings::from_lookup(&lookup)?).await?)
}

/// A no-op task in memory, beside a spawn and an await.
async fn overhead(report: &mut Report) -> Result<(), Failed> {
    const TASKS: u32 = 100_000;
    let (mut floor, mut best) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        floor = floor.min(tokio::spawn(floors::spawn_and_await(TASKS)).await?);
        let engine = Engine::memory();
        let started = Instant::now();
        work::awaited(u64::from(TASKS)).on(&engine).await?;
        best = best.min(started.elapsed() / TASKS);
        engine.close().await?;
    }
    report.row(&Row {
        name: "no-op task, memory store / spawn and await".into(),
        unit: "us",
        value: best.as_secs_f64() * 1e6,
        floor: floor.as_secs_f64() * 1e6,
        budget: 10.0,
        better: Better::Less,
        note: "absolute budget 3 us".into(),
    });
    Ok(())
}

/// Tasks submitted from one flow and recorded in batches, beside raw batched inserts of the same rows.
async fn recorded(report: &mut Report) -> Result<(), Failed> {
    const TASKS: u64 = 100_000;
    let (mut floor, mut best, mut peak) = (0.0_f64, 0.0_f64, None);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let engine = sqlite(folder.path(), "full").await?;
        let started = Instant::now();
        work::submitted(TASKS).on(&engine).await?;
        best = best.max(TASKS as f64 / started.elapsed().as_secs_f64());
        engine.close().await?;
        // Of the first map only: later the floor's own memory is in it.
        peak.get_or_insert_with(peak_memory_mb);
        floor = floor.max(floors::raw_inserts(folder.path(), 102_400).await?);
    }
    let peak = peak.unwrap_or_default();
    report.row(&Row {
        name: "tasks recorded in SQLite, batched / raw batched inserts".into(),
        unit: "/s",
        value: best,
        floor,
        budget: 0.5,
        better: Better::More,
        note: format!(
            "absolute budget 100,000/s; map of 100,000 at {:.1} us a task, peak memory {peak} MB",
            1e6 / best
        ),
    });
    Ok(())
}

/// A map under one run, beside one with a run for each of its calls.
async fn maps(report: &mut Report) -> Result<(), Failed> {
    const TASKS: u64 = 100_000;
    let (mut single, mut summary, mut peak) = (0.0_f64, 0.0_f64, None);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let engine = sqlite(folder.path(), "full").await?;
        let started = Instant::now();
        work::summarized(TASKS).on(&engine).await?;
        summary = summary.max(TASKS as f64 / started.elapsed().as_secs_f64());
        // The peak of this map, if the group is measured alone.
        peak.get_or_insert_with(peak_memory_mb);
        let started = Instant::now();
        work::submitted(TASKS).on(&engine).await?;
        single = single.max(TASKS as f64 / started.elapsed().as_secs_f64());
        engine.close().await?;
    }
    let peak = peak.unwrap_or_default();
    report.row(&Row {
        name: "map of 100,000 with a summary / with a run each".into(),
        unit: "/s",
        value: summary,
        floor: single,
        budget: 1.0,
        better: Better::More,
        note: format!("peak memory {peak} MB"),
    });
    Ok(())
}

/// Tasks with a committed result: many at once, and one at a time.
async fn committed(report: &mut Report) -> Result<(), Failed> {
    let mut at_once = (0.0_f64, 0.0_f64);
    let mut in_turn = [(0.0_f64, 0.0_f64); 2];
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let engine = sqlite(folder.path(), "full").await?;
        let started = Instant::now();
        work::committed(40_000).task_limit(256).on(&engine).await?;
        at_once.0 = at_once.0.max(40_000.0 / started.elapsed().as_secs_f64());
        engine.close().await?;
        at_once.1 = at_once.1.max(floors::raw_inserts(folder.path(), 40_960).await?);
        for (figure, (full, synchronous, tasks)) in
            in_turn.iter_mut().zip([(true, "full", 4_000_u32), (false, "normal", 20_000)])
        {
            let engine = sqlite(folder.path(), synchronous).await?;
            let started = Instant::now();
            work::committed_in_turn(u64::from(tasks)).on(&engine).await?;
            figure.0 = figure.0.max(f64::from(tasks) / started.elapsed().as_secs_f64());
            engine.close().await?;
            figure.1 = figure.1.max(floors::bare_commits(folder.path(), tasks, full).await?);
            for left in ["full.db", "normal.db", "raw.db"] {
                // The next round begins with an empty file; one that is not there is as good.
                let _ = std::fs::remove_file(folder.path().join(left));
            }
        }
    }
    report.row(&Row {
        name: "tasks committed, 256 at once / raw batched inserts".into(),
        unit: "/s",
        value: at_once.0,
        floor: at_once.1,
        budget: 0.1,
        better: Better::More,
        note: "absolute budget 20,000/s".into(),
    });
    let names = ["tasks committed in turn, FULL / bare commits", "tasks committed in turn, NORMAL / bare commits"];
    let budgets = [(3_500.0 / 4_200.0, "3,500/s"), (20_000.0 / 26_700.0, "20,000/s")];
    for ((name, (value, floor)), (budget, absolute)) in names.into_iter().zip(in_turn).zip(budgets) {
        let note = format!("absolute budget {absolute}");
        report.row(&Row { name: name.into(), unit: "/s", value, floor, budget, better: Better::More, note });
    }
    Ok(())
}

/// Small flows at once, each of three committed tasks.
async fn flows(report: &mut Report) -> Result<(), Failed> {
    const AT_ONCE: u64 = 64;
    const EACH: u64 = 300;
    let (mut best, mut p99, mut floor) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        // A flow of three tasks is five rows: the run, its states apart, and its tasks.
        floor = floor.max(floors::raw_inserts(folder.path(), 40_960).await? / 5.0);
        let engine = Arc::new(sqlite(folder.path(), "full").await?);
        let started = Instant::now();
        let lanes = (0..AT_ONCE).map(|lane| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for n in 0..EACH {
                    let started = Instant::now();
                    work::small(lane * EACH + n).on(&engine).await?;
                    times.push(started.elapsed());
                }
                Ok::<_, flowcore::RunError>(times)
            })
        });
        let mut times = Vec::new();
        for lane in lanes.collect::<Vec<_>>() {
            times.extend(lane.await??);
        }
        let rate = (AT_ONCE * EACH) as f64 / started.elapsed().as_secs_f64();
        times.sort_unstable();
        if rate > best {
            best = rate;
            p99 = times[times.len() * 99 / 100].as_secs_f64() * 1e3;
        }
        engine.close().await?;
    }
    report.row(&Row {
        name: "flows of 3 committed tasks, 64 at once / raw rows".into(),
        unit: "/s",
        value: best,
        floor,
        budget: 0.2,
        better: Better::More,
        note: format!("absolute budget 7,000/s, p99 < 30 ms; p99 {p99:.1} ms"),
    });
    Ok(())
}

/// Reads the process's peak memory; 0 where the operating system does not tell.
fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}
