//! The server: lifecycles of flow runs, events of task runs, log lines, reads and filters, at 1, 8 and 64 clients on both
//! databases; and what it costs to have one.
//!
//! The floor of a lifecycle is the same number of requests that touch no database, by the same clients. With
//! `--peer-url http://HOST:PORT/api` the same load goes to another server, which is the floor then.

mod child;
mod http;
mod load;
mod soak;
mod ui;

use std::time::Duration;

use tempfile::TempDir;

use crate::embedded::Failed;
use crate::report::{Better, Report, Row};

pub(crate) use soak::run as soak;
pub(crate) use ui::run as ui;

use child::Server;
use load::Work;

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(4);

/// How many clients there are at once.
const CLIENTS: [usize; 3] = [1, 8, 64];

/// How many task runs are reported.
const TASK_RUNS: usize = 32_000;

/// Measures all groups of figures, or the one that is named.
pub(crate) async fn run(report: &mut Report, only: Option<&str>, peer: Option<&str>) -> Result<(), Failed> {
    let wanted = |name| only.is_none_or(|only| only == name);
    if wanted("size") && peer.is_none() {
        size(report).await?;
    }
    let folder = tempfile::tempdir()?;
    measure(report, "SQLite", &Database::sqlite(&folder), only, peer).await?;
    match std::env::var("FLOWCORE_TEST_POSTGRES_URL") {
        Ok(server) if peer.is_none() => {
            let database = Database::postgres(&server).await?;
            let measured = measure(report, "PostgreSQL", &database, only, None).await;
            database.remove().await?;
            measured?;
        }
        Ok(_) => {}
        Err(_) => eprintln!("PostgreSQL was not measured: FLOWCORE_TEST_POSTGRES_URL is not set"),
    }
    Ok(())
}

/// What it costs to have a server that does nothing.
async fn size(report: &mut Report) -> Result<(), Failed> {
    let mut started = f64::MAX;
    let mut memory = 0.0_f64;
    for _ in 0..5 {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), &Database::sqlite(&folder).url).await?;
        started = started.min(server.started_in.as_secs_f64() * 1e3);
        memory = memory.max(server.memory_mb()?);
    }
    let binary = std::fs::metadata(child::program()?)?.len() as f64 / 1e6;
    let note = || "floor: the budget".to_owned();
    for (name, unit, value, budget) in [
        ("start on a fresh SQLite database", "ms", started, 300.0),
        ("memory of an idle server", "MB", memory, 40.0),
        ("the binary", "MB", binary, 40.0),
    ] {
        report.row(&Row {
            name: name.into(),
            unit,
            value,
            floor: budget,
            budget: 1.0,
            better: Better::Less,
            note: note(),
        });
    }
    Ok(())
}

async fn measure(
    report: &mut Report,
    kind: &str,
    database: &Database,
    only: Option<&str>,
    peer: Option<&str>,
) -> Result<(), Failed> {
    let wanted = |name| only.is_none_or(|only| only == name);
    let home = tempfile::tempdir()?;
    let server = Server::start(home.path(), &database.url).await?;
    let api = server.api.as_str();
    for clients in CLIENTS {
        let plan = [
            ("lifecycle", "lifecycles of flow runs", Work::Lifecycle, 1.0, 0.05),
            ("reads", "reads of a flow run", Work::Read, 1.0, 0.2),
            ("filters", "lists of 50 flow runs", Work::Filter, 1.0, 0.02),
            ("logs", "log lines, 500 at once", Work::Logs, load::lines(), 0.5),
        ];
        for (group, what, work, unit, budget) in plan {
            if !wanted(group) {
                continue;
            }
            let done = load::run(api, work, clients, TIME).await?;
            let floor = match peer {
                Some(peer) => load::run(peer, work, clients, TIME).await?.per_second * unit,
                None => load::run(api, Work::Health, clients, TIME / 4).await?.per_second,
            };
            report.row(&Row {
                name: format!("{what}, {kind}, {clients} client(s)"),
                unit: "/s",
                value: done.per_second * unit,
                floor,
                budget: if peer.is_some() { 100.0 } else { budget },
                better: Better::More,
                note: format!("p50 {:.1} ms, p99 {:.1} ms", done.percentile(50), done.percentile(99)),
            });
        }
        if wanted("events") {
            let value = load::events(api, clients, TASK_RUNS).await?;
            let (floor, budget) = match peer {
                Some(peer) => (load::events(peer, clients, TASK_RUNS / 32).await?, 100.0),
                None => (load::run(api, Work::Health, clients, TIME / 4).await?.per_second, 0.5),
            };
            report.row(&Row {
                name: format!("events of task runs, {kind}, {clients} client(s)"),
                unit: "/s",
                value,
                floor,
                budget,
                better: Better::More,
                note: String::new(),
            });
        }
    }
    let memory = server.memory_mb()?;
    report.remark(&format!("the server on {kind} has {memory:.0} MB in memory behind all this"));
    Ok(())
}

/// A fresh database.
struct Database {
    url: String,
    /// The server to remove it from, and its name.
    on: Option<(String, String)>,
}

impl Database {
    fn sqlite(folder: &TempDir) -> Self {
        Database { url: format!("sqlite://{}", folder.path().join("server.db").display()), on: None }
    }

    async fn postgres(server: &str) -> Result<Self, Failed> {
        let name = format!("flowcore_bench_{}", std::process::id());
        execute(server, format!("CREATE DATABASE {name}")).await?;
        let (place, _) = server.rsplit_once('/').ok_or("FLOWCORE_TEST_POSTGRES_URL names no database")?;
        Ok(Database { url: format!("{place}/{name}"), on: Some((server.to_owned(), name)) })
    }

    async fn remove(self) -> Result<(), Failed> {
        let Some((server, name)) = self.on else { return Ok(()) };
        execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await
    }
}

async fn execute(server: &str, statement: String) -> Result<(), Failed> {
    use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
    PgConnection::connect(server).await?.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}
