//! Deployments whose runs start by themselves, on time, exactly once: `burst`, `kills` and `replicas`.

mod api;
mod burst;
mod kills;
mod punctual;
mod replicas;
mod site;

use std::time::Duration;

use flowcore::{Error, Result};

use crate::arguments;

pub(crate) use self::punctual::serve;
pub(crate) use self::site::work;

/// How much to prove.
pub(crate) struct Plan {
    /// How many runs are due, one after the other, in [`burst_seconds`](Self::burst_seconds).
    runs: u32,
    burst_seconds: u32,
    /// How late a run's first line may be, of 99 of 100 runs, in milliseconds: where a worker starts a process for it.
    p99: u64,
    /// And where it is executed in the process that serves it.
    served_p99: u64,
    kills: u32,
    /// How many of the kills are of the worker with all that it has started.
    hosts: u32,
    /// For how long three servers are told every second of a deployment that has changed.
    replica_seconds: u64,
    seed: u64,
}

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan {
            runs: 1000,
            burst_seconds: 60,
            p99: 150,
            served_p99: 20,
            kills: 50,
            hosts: 10,
            replica_seconds: 300,
            seed: u64::from(std::process::id()),
        };
        arguments::read(
            arguments,
            &mut [
                ("--runs", &mut plan.runs),
                ("--burst-seconds", &mut plan.burst_seconds),
                ("--p99", &mut plan.p99),
                ("--served-p99", &mut plan.served_p99),
                ("--kills", &mut plan.kills),
                ("--hosts", &mut plan.hosts),
                ("--replica-seconds", &mut plan.replica_seconds),
                ("--seed", &mut plan.seed),
            ],
        )?;
        Ok(plan)
    }
}

/// Proves it on SQLite, and on PostgreSQL if there is one.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!(
        "{} runs in {} s, {} kills, three servers for {} s, seed {}",
        plan.runs, plan.burst_seconds, plan.kills, plan.replica_seconds, plan.seed
    );
    crate::server::on_all(async |kind, database| {
        burst::prove(plan, kind, database).await?;
        kills::prove(plan, kind, database).await?;
        if kind == "PostgreSQL" {
            replicas::prove(plan, database).await?;
        }
        Ok(())
    })
    .await
}

/// Looks again and again until something is there.
async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, looking)
        .await
        .unwrap_or_else(|_| Err(Error::msg(format!("{what}: not in {within:?}"))))
}
