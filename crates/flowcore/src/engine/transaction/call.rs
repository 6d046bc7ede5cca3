//! What programs write: `transaction().run(async |txn| ..)`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ending::{Ending, UnderWay};
use super::handle::{CommitMode, RecordKey, Transaction, stored_key};
use crate::engine::context::Scope;
use crate::engine::core::Engine;
use crate::engine::error::{Error, Result};
use crate::engine::panics::caught;
use crate::results::{KeyGuard, KeyLocks, Lookup, Serializer, Storage};

/// What a transaction with the same key, here or in another process, may see of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Looks at its beginning whether its key has been committed, and keeps nobody away: of two that run at once, both
    /// run, and the later commit replaces the record of the earlier.
    #[default]
    ReadCommitted,
    /// Holds its key from before that look until it is committed or rolled back: of two that run at once, one waits for the
    /// other, and then finds its record. A transaction that has lost the key, as its process was taken for dead, is rolled
    /// back instead of committed.
    Serializable,
}

/// Begins a transaction: tasks that are called in its block are committed together or undone together.
///
/// ```
/// use std::path::PathBuf;
///
/// use flowcore::{Engine, Error, Result, TransactionEvent, flow, task, transaction};
///
/// #[task(on_rollback = delete_file)]
/// async fn write_file(path: PathBuf, contents: String) -> Result<()> {
///     Ok(std::fs::write(path, contents)?)
/// }
///
/// async fn delete_file(event: TransactionEvent) -> Result<()> {
///     let path: PathBuf = event.argument("path")?;
///     Ok(std::fs::remove_file(path)?)
/// }
///
/// #[task]
/// async fn check(path: PathBuf) -> Result<()> {
///     match std::fs::read_to_string(path)?.lines().count() {
///         0..2 => Err(Error::msg("there are not enough lines")),
///         _ => Ok(()),
///     }
/// }
///
/// #[flow]
/// async fn pipeline(path: PathBuf, contents: String) -> Result<()> {
///     transaction()
///         .run(async |_| {
///             write_file(path.clone(), contents).await?;
///             Ok(check(path.clone()).await?)
///         })
///         .await
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let folder = std::env::temp_dir().join(format!("flowcore-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let (path, engine) = (folder.join("report.txt"), Engine::memory());
/// assert!(pipeline(path.clone(), "one line").on(&engine).await.is_err());
/// assert!(!path.exists(), "the check has failed, so the file was deleted");
/// # std::fs::remove_dir(folder)?;
/// # Ok(())
/// # }
/// ```
///
/// # Commit and rollback
///
/// The block belongs to the transaction, and so do the tasks that are awaited, submitted or mapped in it and in tasks of it.
/// A subflow and a detached task do not: what they do is theirs. When the block has returned, the transaction waits for what
/// was submitted. Then, if all is well, it commits: the `on_commit` hooks of its tasks are called in the order in which the
/// tasks completed, their cache entries are written, and the transaction's record if it has a key. An `on_commit` hook that
/// fails is a failure of the transaction, like one of its block.
///
/// It rolls back when its block returns an error or panics, when a submitted task has failed that nobody waited for, when
/// its run is cancelled or takes too long, and when its future is dropped. What was submitted is asked to end and waited for.
/// Then, in the reverse of the order in which the tasks completed, each task run enters Completed with the name RolledBack and
/// its `on_rollback` hooks are called, all of them, whether or not one fails; failures are logged. The error is returned; a
/// panic is returned as an error too. A task whose result came from the cache has done nothing, so that nothing is undone.
///
/// A failing task is an error like another: a block that deals with it and returns `Ok` is committed.
///
/// Hooks get a [`TransactionEvent`](crate::TransactionEvent) with the arguments and the result of the task and the values of
/// the transaction. A closure that is given for one call (`write_file(path).on_rollback(..)`) may bring what it needs itself,
/// and [`Transaction::on_rollback`] undoes what the block does without a task. A task outside of a transaction is one by
/// itself: its `on_commit` hooks are called when it has completed.
///
/// # Transactions inside transactions
///
/// A transaction inside another ends with the outer one, unless its [`CommitMode`] says otherwise. If it fails, it is rolled
/// back at once, and its error is the outer block's to deal with; if the outer one fails, both are rolled back.
///
/// # Keys
///
/// With a [`key`](TransactionCall::key) a transaction is committed once: what its block returned is kept in the result storage
/// under `transaction/KEY`, and the next one with that key, whichever run or process it is in, returns that without running
/// its block. [`Isolation`] says what happens to two at once. A transaction holds its key, and the keys of isolated cache
/// policies in it, until it ends: two that take the same keys in different orders wait for each other for ever.
///
/// # Crashes
///
/// When a process dies inside a transaction, nothing is rolled back. When the flow run is executed again, tasks that have
/// completed in the block count as done like all others, and the block goes on behind them; if it fails then, they are undone
/// too, as their hooks are found by their calls' being made again. (Tasks that were called in such a task are not called
/// again, and so not undone.) A task run whose record says that its transaction has committed is never undone. What was rolled
/// back is executed again. A death in the middle of a rollback leaves the tasks that were not reached as done: the block, made
/// again, decides anew. The record that a task is rolled back is written before its hooks are called, and the record of a commit
/// behind its hooks: a death in between costs the call of an `on_rollback` hook whose task is executed again anyway, or calls
/// `on_commit` hooks twice.
pub fn transaction() -> TransactionCall {
    TransactionCall { engine: None, mode: CommitMode::default(), key: Unkeyed }
}

/// A transaction that has not begun: [`run`](TransactionCall::run) it, after saying what is different from the default.
#[must_use = "a transaction does nothing until it is given its block with `run`"]
#[derive(Clone, Debug)]
pub struct TransactionCall<K = Unkeyed> {
    engine: Option<Engine>,
    mode: CommitMode,
    key: K,
}

/// A transaction without a key: each is one for itself.
#[derive(Clone, Copy, Debug)]
pub struct Unkeyed;

/// A transaction with a key: it is committed once.
#[derive(Clone, Debug)]
pub struct Keyed {
    key: String,
    isolation: Isolation,
    overwrite: bool,
    storage: Option<Storage>,
    locks: Option<KeyLocks>,
}

impl<K> TransactionCall<K> {
    /// Sets when it is committed.
    pub fn commit_mode(mut self, mode: CommitMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the engine outside of runs, where it is the process's own otherwise. Inside a run it is the run's.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }

    /// Finds the engine and what surrounds the transaction.
    async fn place(&self) -> Result<(Engine, Scope)> {
        let scope = Scope::current();
        let engine = match &self.engine {
            Some(engine) if !scope.is_inside() => engine.clone(),
            _ => scope.engine().await?,
        };
        Ok((engine, scope))
    }
}

impl TransactionCall<Unkeyed> {
    /// Gives it a key: it is committed once.
    pub fn key(self, key: impl Into<String>) -> TransactionCall<Keyed> {
        let Self { engine, mode, key: Unkeyed } = self;
        let keyed =
            Keyed { key: key.into(), isolation: Isolation::default(), overwrite: false, storage: None, locks: None };
        TransactionCall { engine, mode, key: keyed }
    }

    /// Runs the block, and commits what was done in it or rolls it back.
    ///
    /// # Errors
    ///
    /// What the block returns, or what kept the transaction from its commit. It is rolled back then.
    pub async fn run<T, F>(self, block: F) -> Result<T>
    where
        F: AsyncFnOnce(Transaction) -> Result<T>,
    {
        let (engine, scope) = self.place().await?;
        let transaction = Transaction::new(engine, scope, None, None);
        run(transaction, self.mode, block, |_| Ok(None)).await
    }
}

impl TransactionCall<Keyed> {
    /// Sets what others with the same key may see.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.key.isolation = isolation;
        self
    }

    /// Runs the block even if the key has been committed, and replaces the record.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.key.overwrite = overwrite;
        self
    }

    /// Sets where the record is kept; by default it is where the engine keeps results.
    pub fn result_storage(mut self, storage: Storage) -> Self {
        self.key.storage = Some(storage);
        self
    }

    /// Sets what keeps others away from the key with [`Isolation::Serializable`]; by default it is what the engine has for
    /// isolated cache policies.
    pub fn locks(mut self, locks: &KeyLocks) -> Self {
        self.key.locks = Some(locks.clone());
        self
    }

    fn storage<'a>(&'a self, engine: &'a Engine) -> &'a Storage {
        self.key.storage.as_ref().unwrap_or(&engine.0.storage)
    }

    /// Tells whether the key has been committed.
    ///
    /// # Errors
    ///
    /// The storage cannot be reached.
    pub async fn is_committed(&self) -> Result<bool> {
        let (engine, _) = self.place().await?;
        Ok(self.storage(&engine).exists(&stored_key(&self.key.key)).await?)
    }

    /// Runs the block, and commits what was done in it or rolls it back; or returns what the block returned that was
    /// committed under the key.
    ///
    /// # Errors
    ///
    /// What the block returns, or what kept the transaction from its commit: it is rolled back then. Or the record of the key
    /// cannot be read: then the block is not run.
    pub async fn run<T, F>(self, block: F) -> Result<T>
    where
        F: AsyncFnOnce(Transaction) -> Result<T>,
        T: Serialize + DeserializeOwned,
    {
        let (engine, scope) = self.place().await?;
        let lock = match self.key.isolation {
            Isolation::ReadCommitted => None,
            Isolation::Serializable => Some(self.lock(&engine, &scope).await?),
        };
        if !self.key.overwrite
            && let Some(value) = self.committed(&engine).await?
        {
            return Ok(value);
        }
        let record = RecordKey { storage: self.storage(&engine).clone(), key: self.key.key };
        let transaction = Transaction::new(engine, scope, Some(record), lock);
        run(transaction, self.mode, block, |value| Ok(Some(Serializer::JSON.encode(value)?))).await
    }

    /// Takes the key for as long as the transaction lasts.
    async fn lock(&self, engine: &Engine, scope: &Scope) -> Result<KeyGuard> {
        let key = &self.key.key;
        let around = std::iter::successors(scope.transaction(), |transaction| transaction.parent());
        for around in around {
            if around.key() == Some(key) && around.holds_lock() {
                return Err(Error::msg(format!(
                    "transaction `{key}` is serializable inside another one of the same key and would wait for it for ever"
                )));
            }
        }
        let locks = self.key.locks.as_ref().unwrap_or(&engine.0.locks);
        Ok(locks.acquire(&stored_key(key)).await?)
    }

    /// Reads what was committed under the key.
    async fn committed<T: DeserializeOwned>(&self, engine: &Engine) -> Result<Option<T>> {
        let key = &self.key.key;
        let found = self.storage(engine).read(&stored_key(key), engine.0.clock.now()).await;
        let reason = match found {
            Lookup::Missing | Lookup::Expired => return Ok(None),
            Lookup::Found { payload, .. } => match Serializer::JSON.decode(&payload) {
                Ok(value) => return Ok(Some(value)),
                Err(error) => error.to_string(),
            },
            Lookup::Damaged { reason } | Lookup::Unreachable { reason } => reason,
        };
        Err(Error::msg(format!(
            "transaction `{key}` may have been committed, but its record cannot be read ({reason}); `overwrite(true)` runs it again"
        )))
    }
}

/// Runs a block to its end, and then the transaction to its own.
async fn run<T, F>(
    transaction: Transaction,
    mode: CommitMode,
    block: F,
    encode: impl FnOnce(&T) -> Result<Option<Vec<u8>>>,
) -> Result<T>
where
    F: AsyncFnOnce(Transaction) -> Result<T>,
{
    let under_way = UnderWay::new(transaction.clone());
    let core = transaction.core();
    let scope = core.around.with_transaction(core.engine.clone(), transaction.clone(), core.stop.clone());
    let ran = caught(scope.surround(async { block(transaction.clone()).await })).await;
    let finished = match ran.map_err(Error::from).and_then(|returned| returned) {
        Ok(value) => finish(&transaction, value, encode).await,
        Err(error) => Err(error),
    };
    let value = match finished {
        Ok(value) => value,
        Err(error) => {
            under_way.end(Ending::Rollback).await?;
            return Err(error);
        }
    };
    match (mode, transaction.parent()) {
        (CommitMode::Lazy, Some(parent)) if transaction.leave_to(parent) => under_way.given_up(),
        (CommitMode::Lazy, Some(_)) => {
            under_way.end(Ending::Rollback).await?;
            return Err(Error::msg("the transaction around it has ended before"));
        }
        (CommitMode::Off, _) => {
            if transaction.is_committed() {
                transaction.write_record().await?;
            }
            under_way.end(Ending::Rollback).await?;
        }
        (CommitMode::Lazy | CommitMode::Eager, _) => under_way.end(Ending::Commit).await?,
    }
    Ok(value)
}

/// Waits for what was submitted, and looks at how it has ended.
async fn finish<T>(
    transaction: &Transaction,
    value: T,
    encode: impl FnOnce(&T) -> Result<Option<Vec<u8>>>,
) -> Result<T> {
    transaction.core().children.none().await;
    if let Some(error) = transaction.unseen_error() {
        return Err(error.into());
    }
    transaction.set_value(encode(&value)?);
    Ok(value)
}
