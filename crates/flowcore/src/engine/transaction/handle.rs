//! The transaction itself: its values, what was done in it so far, and how it ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::runtime::Handle;

use super::ending::{Ending, end};
use super::hooks::{HookResult, returned};
use super::shelf::Shelf;
use super::staged::{Staged, StagedTask, Step};
use crate::engine::cancel::Cancel;
use crate::engine::context::Scope;
use crate::engine::core::Engine;
use crate::engine::counted::{Counted, One};
use crate::engine::error::{Error, Result, RunError};
use crate::engine::settled::Promise;
use crate::results::{KeyGuard, Serializer, Storage};

/// When a transaction is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitMode {
    /// With the transaction around it; at the end of its block if there is none.
    #[default]
    Lazy,
    /// At the end of its block, also inside another transaction, which then does not undo it any more.
    Eager,
    /// Only by [`Transaction::commit`]. What was not committed is rolled back at the end of the block, which is no error.
    Off,
}

/// A transaction, as its block, its tasks ([`current::transaction`](crate::current::transaction)) and its hooks have it.
/// Cheap to clone.
#[derive(Clone)]
pub struct Transaction(Arc<Core>);

pub(super) struct Core {
    pub(super) engine: Engine,
    /// What surrounds it: the transaction, the task run and the flow run around it.
    pub(super) around: Scope,
    pub(super) record: Option<RecordKey>,
    values: Mutex<BTreeMap<String, Json>>,
    /// What was submitted in it, and transactions in it that are being ended.
    pub(super) children: Counted,
    /// Asks its block, and what was submitted in it, to end.
    pub(super) stop: Cancel,
    pub(super) shelf: Arc<Shelf>,
    pub(super) runtime: Option<Handle>,
    stage: Mutex<Stage>,
}

/// Where the record of a committed transaction is kept.
pub(super) struct RecordKey {
    pub(super) key: String,
    pub(super) storage: Storage,
}

impl RecordKey {
    /// Gives the key in the storage. It is apart from those of cached results.
    pub(super) fn stored(&self) -> String {
        stored_key(&self.key)
    }
}

/// Gives the key in the storage for a transaction's own key.
pub(super) fn stored_key(key: &str) -> String {
    format!("transaction/{key}")
}

#[derive(Default)]
struct Stage {
    /// Whether its block has ended; nothing is added behind that.
    closed: bool,
    end: Option<Ending>,
    steps: Vec<Staged>,
    /// Transactions inside it whose blocks have ended, and which end with it.
    below: Vec<Transaction>,
    /// What keeps others from its key.
    lock: Option<Arc<KeyGuard>>,
    /// What its block returned.
    value: Option<Vec<u8>>,
    /// Submitted runs that have failed.
    failed: Vec<Promise>,
}

/// What ends together: a transaction, and those inside it that wait for it.
pub(super) struct Group {
    pub(super) members: Vec<Transaction>,
    pub(super) steps: Vec<Staged>,
}

impl Transaction {
    pub(super) fn new(engine: Engine, around: Scope, record: Option<RecordKey>, lock: Option<KeyGuard>) -> Self {
        let stop = around.cancel().map_or_else(Cancel::new, Cancel::child);
        let shelf = around.transaction().map(|parent| parent.0.shelf.clone()).unwrap_or_default();
        Transaction(Arc::new(Core {
            engine,
            around,
            record,
            values: Mutex::default(),
            children: Counted::default(),
            stop,
            shelf,
            runtime: Handle::try_current().ok(),
            stage: Mutex::new(Stage { lock: lock.map(Arc::new), ..Stage::default() }),
        }))
    }

    /// Makes the transaction of a task that is in none: it ends with the task.
    pub(super) fn alone(engine: Engine, around: Scope) -> Self {
        Self::new(engine, around, None, None)
    }

    pub(super) fn core(&self) -> &Core {
        &self.0
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn parent(&self) -> Option<&Transaction> {
        self.0.around.transaction()
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// Tells whether it keeps others from its key.
    pub(super) fn holds_lock(&self) -> bool {
        self.stage().lock.is_some()
    }

    /// Names it in messages.
    pub(super) fn describe(&self) -> String {
        self.key().map_or_else(|| "a transaction".to_owned(), |key| format!("transaction `{key}`"))
    }

    /// Gives its key, if it has one.
    pub fn key(&self) -> Option<&str> {
        self.0.record.as_ref().map(|record| &*record.key)
    }

    /// Sets a value, for the block, the tasks and the hooks of this transaction and of those inside it.
    ///
    /// # Errors
    ///
    /// JSON cannot show the value.
    pub fn set(&self, name: impl Into<String>, value: impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value)?;
        self.0.values.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), value);
        Ok(())
    }

    /// Gets a value that was set here or in a transaction around this one; the nearest counts. None if there is none.
    ///
    /// # Errors
    ///
    /// The value does not fit the type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let found = self.0.values.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        match (found, self.parent()) {
            (Some(value), _) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| Error::msg(format!("value `{name}` of {}: {error}", self.describe()))),
            (None, Some(parent)) => parent.get(name),
            (None, None) => Ok(None),
        }
    }

    /// Tells whether it has committed.
    pub fn is_committed(&self) -> bool {
        self.stage().end == Some(Ending::Commit)
    }

    /// Tells whether it was rolled back, without ever having committed.
    pub fn is_rolled_back(&self) -> bool {
        self.stage().end == Some(Ending::Rollback)
    }

    /// Calls the hook when the transaction commits, between those of the tasks that have completed before and after this
    /// line. If it fails, the transaction is rolled back.
    pub fn on_commit<R>(&self, hook: impl FnOnce(Transaction) -> R + Send + 'static)
    where
        R: Future<Output: HookResult> + Send + 'static,
    {
        let hook = Box::new(move |transaction| returned(hook(transaction)));
        self.add(Step::OnCommit(Some(hook)));
    }

    /// Calls the hook when the transaction is rolled back, between those of the tasks that have completed after and before
    /// this line: for what the block does itself.
    pub fn on_rollback<R>(&self, hook: impl FnOnce(Transaction) -> R + Send + 'static)
    where
        R: Future<Output: HookResult> + Send + 'static,
    {
        let hook = Box::new(move |transaction| returned(hook(transaction)));
        self.add(Step::OnRollback(Some(hook)));
    }

    /// Commits what has been done so far, whatever the mode, after waiting for what was submitted. The transaction goes on
    /// behind it: what follows is committed or rolled back by itself.
    ///
    /// # Errors
    ///
    /// This is not the transaction's own block, an `on_commit` hook fails or the storage does. Then all that was not
    /// committed yet is rolled back.
    pub async fn commit(&self) -> Result<()> {
        if !Scope::current().is_block_of(self) {
            return Err(Error::msg(
                "a transaction can only be committed in its own block, not in a task or hook of it",
            ));
        }
        self.0.children.none().await;
        end(self, Ending::Commit).await
    }

    fn add(&self, step: Step) {
        let mut stage = self.stage();
        if stage.closed {
            drop(stage);
            tracing::warn!(target: "flowcore", "something was done in {} behind its end, which will not be undone", self.describe());
            return;
        }
        stage.steps.push(Staged { transaction: self.clone(), step });
    }

    /// Adds a task that has completed.
    pub(crate) fn add_task(&self, task: StagedTask) {
        self.add(Step::Task(Box::new(task)));
    }

    /// Counts a run that is submitted in it.
    pub(crate) fn submitted(&self, promise: &Promise) -> Inside {
        self.inside(Some(promise.clone()))
    }

    /// Counts something that is to end before it does.
    pub(super) fn inside(&self, promise: Option<Promise>) -> Inside {
        Inside { transaction: self.clone(), promise, _one: self.0.children.one() }
    }

    /// Gives the error of a submitted run that has failed without anybody's knowing.
    pub(super) fn unseen_error(&self) -> Option<RunError> {
        self.stage().failed.iter().find_map(|promise| promise.unseen_error().cloned())
    }

    /// Tells whether a newer attempt of the flow run has begun, to which everything belongs now.
    pub(super) fn is_superseded(&self) -> bool {
        self.0.around.flow().is_some_and(|flow| self.0.engine.0.journal.is_refused(flow.id, flow.attempt))
    }

    /// Keeps what the block returned for the record.
    pub(super) fn set_value(&self, value: Option<Vec<u8>>) {
        self.stage().value = value;
    }

    /// Lets nothing be added any more.
    pub(super) fn close(&self) {
        self.stage().closed = true;
    }

    /// Takes what ends now.
    pub(super) fn take(&self) -> Group {
        let mut stage = self.stage();
        let mut members = std::mem::take(&mut stage.below);
        members.push(self.clone());
        Group { members, steps: std::mem::take(&mut stage.steps) }
    }

    /// Leaves it to the transaction around it to end this one; false if that has ended already.
    pub(super) fn leave_to(&self, parent: &Transaction) -> bool {
        let mut stage = parent.stage();
        if stage.closed {
            return false;
        }
        self.close();
        let group = self.take();
        stage.steps.extend(group.steps);
        stage.below.extend(group.members);
        true
    }

    /// Makes sure that it keeps others from its key still, if it ever has.
    pub(super) async fn check_lock(&self) -> Result<()> {
        let lock = self.stage().lock.clone();
        match lock {
            Some(lock) => Ok(lock.check().await?),
            None => Ok(()),
        }
    }

    /// Writes the record of a committed transaction, with what its block returned if that is known.
    pub(super) async fn write_record(&self) -> Result<()> {
        if let Some(record) = &self.0.record {
            let value = self.stage().value.clone().unwrap_or_else(|| b"null".to_vec());
            record.storage.write(&record.stored(), Serializer::JSON, value, None).await?;
        }
        Ok(())
    }

    /// Notes how it ended, and lets others have its key.
    pub(super) fn ended(&self, ending: Ending) {
        let mut stage = self.stage();
        // What it has committed stays so, whatever was done behind that.
        if stage.end != Some(Ending::Commit) {
            stage.end = Some(ending);
        }
        if stage.closed {
            stage.lock = None;
            stage.failed = Vec::new();
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("key", &self.key()).finish_non_exhaustive()
    }
}

/// A place in a transaction, which does not end before this is dropped.
pub(crate) struct Inside {
    transaction: Transaction,
    /// The submitted run that has the place.
    promise: Option<Promise>,
    /// Given back behind what is done in the drop.
    _one: One,
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(promise) = self.promise.take()
            && promise.unseen_error().is_some()
        {
            self.transaction.stage().failed.push(promise);
        }
    }
}
