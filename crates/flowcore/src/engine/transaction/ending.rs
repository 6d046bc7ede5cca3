//! The end of a transaction: commit, or rollback. Once begun it is carried through, whoever waits for it.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::handle::{Group, Transaction};
use super::shelf::CacheEntry;
use super::staged::Staged;
use crate::engine::context::Scope;
use crate::engine::error::{Error, Result};

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Commit,
    Rollback,
}

/// Ends a transaction and waits for that. If this is dropped meanwhile, it goes on.
pub(super) async fn end(transaction: &Transaction, ending: Ending) -> Result<()> {
    let (task, ended) = begin(transaction, ending);
    let Some(task) = task else { return Err(Error::msg("a transaction needs a tokio runtime")) };
    let mut waiting = Waiting { scope: transaction.core().around.clone(), ended: Some(ended) };
    let result = task.await;
    waiting.ended = None;
    result.unwrap_or_else(|error| Err(Error::from(error)))
}

/// Whoever waits for an end. When it is dropped, the end is left behind in the attempt around it, whose next one waits.
struct Waiting {
    scope: Scope,
    ended: Option<oneshot::Receiver<()>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.scope.leave(ended);
        }
    }
}

/// Ends a transaction on a task of its own, for which the flow and the transaction around wait.
fn begin(transaction: &Transaction, ending: Ending) -> (Option<JoinHandle<Result<()>>>, oneshot::Receiver<()>) {
    let core = transaction.core();
    let places =
        (core.around.flow().map(|flow| flow.children.one()), transaction.parent().map(|parent| parent.inside(None)));
    let (sender, ended) = oneshot::channel();
    let scope = core.around.clone();
    let transaction = transaction.clone();
    let runtime = Handle::try_current().ok().or_else(|| core.runtime.clone());
    let carry_out = async move {
        let result = match ending {
            Ending::Commit => commit(&transaction).await,
            Ending::Rollback => {
                transaction.core().children.none().await;
                roll_back(&transaction, transaction.take()).await;
                Ok(())
            }
        };
        drop((sender, places));
        result
    };
    let carry_out = scope.surround(carry_out);
    (runtime.map(|runtime| runtime.spawn(carry_out)), ended)
}

/// A transaction whose block is under way. However that ends, also by being dropped, the transaction does.
pub(super) struct UnderWay(Option<Transaction>);

impl UnderWay {
    pub(super) fn new(transaction: Transaction) -> Self {
        UnderWay(Some(transaction))
    }

    /// Leaves the end to the transaction around this one.
    pub(super) fn given_up(mut self) {
        self.0 = None;
    }

    /// Ends it.
    pub(super) async fn end(mut self, ending: Ending) -> Result<()> {
        match self.0.take() {
            Some(transaction) => {
                transaction.close();
                if ending == Ending::Rollback {
                    transaction.core().stop.cancel();
                }
                end(&transaction, ending).await
            }
            None => Ok(()),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(transaction) = self.0.take() {
            transaction.close();
            transaction.core().stop.cancel();
            let (task, ended) = begin(&transaction, Ending::Rollback);
            if task.is_none() {
                tracing::error!(target: "flowcore", "{} is not rolled back: there is no tokio runtime", transaction.describe());
            }
            transaction.core().around.leave(ended);
        }
    }
}

async fn commit(transaction: &Transaction) -> Result<()> {
    let mut group = transaction.take();
    if let Err(error) = try_commit(transaction, &mut group).await {
        roll_back(transaction, group).await;
        return Err(error);
    }
    group.steps.iter().for_each(Staged::committed);
    if let Err(error) = transaction.core().engine.0.journal.commit().await {
        // The journal tries again; what was to be done is done.
        tracing::warn!(target: "flowcore", "that {} has committed is not recorded yet: {error}", transaction.describe());
    }
    ended(transaction, &group, Ending::Commit);
    Ok(())
}

/// Does everything that can keep a transaction from its commit.
async fn try_commit(transaction: &Transaction, group: &mut Group) -> Result<()> {
    // What it stands on is recorded first, and belongs to the present attempt.
    transaction.core().engine.0.journal.commit().await?;
    if transaction.is_superseded() {
        return Err(Error::msg("a newer attempt of the flow run has begun, to which its transactions belong now"));
    }
    let members = group.members.clone();
    // Before anything is told, and again before anything is written, as hooks may take their time.
    check_locks(transaction, &members).await?;
    for step in &mut group.steps {
        step.commit().await?;
    }
    check_locks(transaction, &members).await?;
    let mut written = Vec::new();
    for entry in group.steps.iter().filter_map(|step| step.cache().cloned()).collect::<Vec<_>>() {
        let result = entry.write().await;
        written.push(entry);
        if let Err(error) = result {
            withdraw(&written).await;
            return Err(error);
        }
    }
    for member in &members {
        if let Err(error) = member.write_record().await {
            withdraw(&written).await;
            return Err(error);
        }
    }
    Ok(())
}

/// Makes sure that nobody else has the keys of what ends, since this process was taken for dead.
async fn check_locks(transaction: &Transaction, members: &[Transaction]) -> Result<()> {
    for member in members {
        member.check_lock().await?;
    }
    transaction.core().shelf.check().await
}

/// Takes cache entries back, as far as the storage lets it.
async fn withdraw(entries: &[Arc<CacheEntry>]) {
    for entry in entries {
        if let Err(error) = entry.storage.delete(&entry.key).await {
            tracing::warn!(target: "flowcore", "the cached result `{}` belongs to no commit and cannot be deleted: {error}", entry.key);
        }
    }
}

/// Undoes what was done, the last first.
async fn roll_back(transaction: &Transaction, mut group: Group) {
    let journal = &transaction.core().engine.0.journal;
    let recorded = journal.commit().await;
    if transaction.is_superseded() {
        // What looks done to that attempt must stay so.
        tracing::warn!(target: "flowcore", "{} is not rolled back here: a newer attempt of its flow run has begun", transaction.describe());
    } else {
        if !group.steps.is_empty() {
            tracing::warn!(target: "flowcore", "Rolling back {}: {} done in it, the last first", transaction.describe(), things(group.steps.len()));
        }
        while let Some(mut step) = group.steps.pop() {
            step.roll_back().await;
        }
        if let Err(error) = recorded.and(journal.commit().await) {
            tracing::warn!(target: "flowcore", "that {} was rolled back is not recorded yet: {error}", transaction.describe());
        }
    }
    ended(transaction, &group, Ending::Rollback);
}

fn things(count: usize) -> String {
    if count == 1 { "one thing was".to_owned() } else { format!("{count} things were") }
}

fn ended(transaction: &Transaction, group: &Group, ending: Ending) {
    for member in &group.members {
        member.ended(ending);
    }
    transaction.core().shelf.release(&group.members);
}
