//! The program that the crash proof kills: a flow of many tasks, which writes down each execution, and of transactions.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use flowcore::{Durability, Error, Result, each, flow, task};

use crate::ledger::ledger;

/// The environment variable that names the file in which executions are written down.
pub(crate) const LOG: &str = "PROOF_LOG";

/// Writes its number down and does a little. Every fourth makes a result that is too large for the run's row.
#[task(task_run_name = "work {n}")]
async fn work(n: u32) -> Result<(u32, String)> {
    let path = std::env::var(LOG)?;
    // One write of less than a page is not torn apart by a kill.
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{n}\n").as_bytes())?;
    tokio::time::sleep(Duration::from_millis(u64::from(n % 3))).await;
    Ok((n, if n.is_multiple_of(4) { "x".repeat(20_000) } else { String::new() }))
}

/// Runs the tasks, half of them with committed completions, and one as a subflow's.
#[flow(task_limit = 16)]
pub(crate) async fn victim(tasks: u32) -> Result<u64> {
    let even = work::map(each((0..tasks).step_by(2).collect::<Vec<_>>())).durability(Durability::Committed).submit();
    let odd = work::map(each((1..tasks).step_by(2).collect::<Vec<_>>())).submit();
    let beside = beside(tasks).submit();
    let ledger = ledger(transactions(tasks)).submit();
    let mut sum = 0;
    for (n, _) in even.await?.into_iter().chain(odd.await?) {
        sum += u64::from(n);
    }
    ledger.await?;
    Ok(sum + beside.await?)
}

/// A subflow of one task.
#[flow]
pub(crate) async fn beside(n: u32) -> Result<u64> {
    Ok(u64::from(work(n).await?.0))
}

/// Tells how many transactions there are beside so many tasks.
pub(crate) fn transactions(tasks: u32) -> u32 {
    3 + tasks / 20
}

/// Tells what the flow comes to.
pub(crate) fn expected(tasks: u32) -> u64 {
    (0..=u64::from(tasks)).sum()
}

pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let tasks = arguments.first().and_then(|tasks| tasks.parse().ok()).ok_or_else(|| Error::msg("victim TASKS"))?;
    let sum = victim(tasks).await?;
    if sum != expected(tasks) {
        return Err(Error::msg(format!("the flow came to {sum} instead of {}", expected(tasks))));
    }
    Ok(())
}
