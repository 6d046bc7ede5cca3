//! The tasks and flows that are measured.

use flowcore::{Durability, Result, each, flow, task};

/// A task that does nothing.
#[task]
pub(crate) async fn noop(n: u64) -> u64 {
    n
}

/// Awaits no-op tasks one after the other.
#[flow]
pub(crate) async fn awaited(tasks: u64) -> Result<u64> {
    let mut sum = 0;
    for n in 0..tasks {
        sum += noop(n).await?;
    }
    Ok(sum)
}

/// Submits no-op tasks and waits for all.
#[flow]
pub(crate) async fn submitted(tasks: u64) -> Result<u64> {
    let futures = noop::map(each((0..tasks).collect::<Vec<_>>())).submit();
    Ok(futures.await?.len() as u64)
}

/// Maps no-op tasks under one run.
#[flow]
pub(crate) async fn summarized(tasks: u64) -> Result<u64> {
    Ok(noop::map(each(0..tasks)).summary().await?.completed)
}

/// Submits tasks with committed results; the flow's `task_limit` says how many run at once.
#[flow]
pub(crate) async fn committed(tasks: u64) -> Result<u64> {
    let calls = noop::map(each((0..tasks).collect::<Vec<_>>())).durability(Durability::Committed);
    Ok(calls.await?.len() as u64)
}

/// Awaits tasks with committed results one after the other.
#[flow]
pub(crate) async fn committed_in_turn(tasks: u64) -> Result<u64> {
    for n in 0..tasks {
        noop(n).durability(Durability::Committed).await?;
    }
    Ok(tasks)
}

/// A small flow: three tasks, one after the other, each committed.
#[flow]
pub(crate) async fn small(n: u64) -> Result<u64> {
    let mut sum = n;
    for _ in 0..3 {
        sum = noop(sum + 1).durability(Durability::Committed).await?;
    }
    Ok(sum)
}
