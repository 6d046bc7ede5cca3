//! The transactions of the crash proof: each writes down what it does and what it undoes, and at the end is whole or undone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flowcore::model::TaskRun;
use flowcore::{Error, Result, TransactionEvent, flow, task, transaction};

use crate::victim::LOG;

/// How many tasks a transaction has.
const STEPS: u32 = 3;

/// What becomes of a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Commits,
    BlockFails,
    /// The last task's `on_commit` hook fails.
    HookFails,
}

impl Fate {
    fn of(transaction: u32) -> Self {
        [Fate::Commits, Fate::BlockFails, Fate::HookFails][transaction as usize % 3]
    }
}

#[task(task_run_name = "put {of}/{step}", on_commit = announce, on_rollback = take_back)]
async fn put(of: u32, step: u32) -> Result<()> {
    note("put", of, step)?;
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(())
}

async fn announce(event: TransactionEvent) -> Result<()> {
    let (of, step) = (event.argument("of")?, event.argument("step")?);
    if Fate::of(of) == Fate::HookFails && step == STEPS - 1 {
        return Err(Error::msg("nobody listens"));
    }
    note("announced", of, step)
}

async fn take_back(event: TransactionEvent) -> Result<()> {
    note("taken back", event.argument("of")?, event.argument("step")?)
}

fn note(what: &str, of: u32, step: u32) -> Result<()> {
    let path = path(Path::new(&std::env::var_os(LOG).unwrap_or_default()));
    // One write of less than a page is not torn apart by a kill.
    Ok(OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?
        .write_all(format!("{what}:{of}/{step}\n").as_bytes())?)
}

/// Names the file of what transactions do, beside that of executions.
fn path(executions: &Path) -> PathBuf {
    executions.with_extension("ledger")
}

/// Runs the transactions one after the other, and tells how many have committed.
#[flow]
pub(crate) async fn ledger(transactions: u32) -> Result<u32> {
    let mut committed = 0;
    for of in 0..transactions {
        let ended = transaction().run(async |_| {
            for step in 0..STEPS {
                put(of, step).await?;
            }
            if Fate::of(of) == Fate::BlockFails { Err(Error::msg("not wanted")) } else { Ok(()) }
        });
        if ended.await.is_ok() != (Fate::of(of) == Fate::Commits) {
            return Err(Error::msg(format!("transaction {of} has not ended as it should")));
        }
        committed += u32::from(Fate::of(of) == Fate::Commits);
    }
    Ok(committed)
}

/// What is known of the transactions of one flow run, kill after kill.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The task runs that were recorded as committed.
    committed: BTreeSet<String>,
    /// How many lines were looked at.
    seen: usize,
}

impl Ledger {
    /// Looks at what the latest process has left: what was committed stays so, and is neither done again nor undone.
    pub(crate) fn look(&mut self, executions: &Path, runs: &[TaskRun]) -> Result<()> {
        let lines = lines(executions)?;
        for (what, name) in &lines[self.seen..] {
            if self.committed.contains(name) {
                return Err(Error::msg(format!("{name} was {what} after its transaction was recorded as committed")));
            }
        }
        self.seen = lines.len();
        let now: BTreeSet<String> = puts(runs).filter(|(_, run)| is_committed(run)).map(|(name, _)| name).collect();
        if let Some(lost) = self.committed.difference(&now).next() {
            return Err(Error::msg(format!("that {lost} was committed is lost")));
        }
        self.committed = now;
        Ok(())
    }

    /// Checks what the flow has come to: each transaction is whole or undone, and the file agrees with the states.
    pub(crate) fn check(&self, executions: &Path, runs: &[TaskRun], transactions: u32) -> Result<()> {
        let (mut last, mut announced) = (BTreeMap::new(), BTreeSet::new());
        for (what, name) in lines(executions)? {
            if what == "announced" {
                announced.insert(name);
            } else {
                last.insert(name, what);
            }
        }
        let runs: BTreeMap<String, &TaskRun> = puts(runs).collect();
        for of in 0..transactions {
            for step in 0..STEPS {
                let name = format!("{of}/{step}");
                let run = runs.get(&name).ok_or_else(|| Error::msg(format!("there is no run of {name}")))?;
                let stands = (is_committed(run), &*run.state.name, last.get(&name).map(String::as_str));
                let wanted = match Fate::of(of) {
                    Fate::Commits if announced.contains(&name) => (true, "Completed", Some("put")),
                    Fate::Commits => return Err(Error::msg(format!("the hook of {name} was not called"))),
                    Fate::BlockFails | Fate::HookFails => (false, "RolledBack", Some("taken back")),
                };
                if stands != wanted {
                    return Err(Error::msg(format!("{name} stands as {stands:?} instead of {wanted:?}")));
                }
            }
        }
        match runs.len() == (transactions * STEPS) as usize {
            true => Ok(()),
            false => Err(Error::msg(format!("there are {} runs in {transactions} transactions", runs.len()))),
        }
    }
}

fn is_committed(run: &TaskRun) -> bool {
    run.state.details.as_ref().is_some_and(|details| details.transaction_committed == Some(true))
}

fn puts(runs: &[TaskRun]) -> impl Iterator<Item = (String, &TaskRun)> {
    runs.iter().filter_map(|run| Some((run.name.strip_prefix("put ")?.to_owned(), run)))
}

/// Reads what was written down: what was done to which task.
fn lines(executions: &Path) -> Result<Vec<(String, String)>> {
    match std::fs::read_to_string(path(executions)) {
        Ok(text) => {
            let pair = |line: &str| line.split_once(':').map(|(what, name)| (what.to_owned(), name.to_owned()));
            Ok(text.lines().filter_map(pair).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
