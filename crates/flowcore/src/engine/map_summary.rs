//! Mapped calls with one run for all of them.
//!
//! The run that stands for the map is that of a task whose body makes the calls. Each call goes the way of any other task run
//! (retries, timeouts, caching, hooks, limits of tags), except that its entry is never recorded and has the id of the map's
//! run, which is therefore what log lines and nested calls belong to.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio::task::JoinSet;

use super::bounds::Volatile;
use super::codec::{Codec, Value};
use super::context::Scope;
use super::digest::DigestError;
use super::error::{Error, RunError};
use super::inputs::UpstreamRun;
use super::job::{BodyFuture, Job};
use super::map_progress::{Earlier, Progress};
use super::options::TaskOptions;
use super::panics::Panicked;
use super::runner::TaskRunner;
use super::settled::{Promise, Settled};
use super::task_call::{Call, Calls, MapCall, Standing, TaskCall};
use super::task_engine::TaskExecution;
use super::task_entry::digest;
use super::upstream::upstream_settled;
use crate::model::StateName;
use crate::results::Storage;

/// Of how many failed calls the errors are kept.
const MOST_ERRORS: usize = 20;

/// What a mapped call with [`summary`](MapCall::summary) has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapSummary {
    /// How many calls have completed, those of the next two numbers among them.
    pub completed: u64,
    /// How many of them took their result from the cache.
    pub cached: u64,
    /// How many of them had completed in an earlier attempt of the flow run.
    pub earlier: u64,
    /// How many calls have failed.
    pub failed: u64,
    /// Why the first of them have failed, in the order of the arguments: at most 20.
    pub errors: Vec<MapError>,
}

/// A call of a map that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapError {
    /// Which one, counted from zero.
    pub index: u64,
    /// Why.
    pub message: String,
}

/// Some calls of a map have failed: the error of its run.
#[derive(Clone, Debug)]
pub struct MapFailed(pub MapSummary);

impl MapFailed {
    /// Finds the counts in the error of a map's run, if it ended in this process and calls were what failed.
    pub fn of(error: &RunError) -> Option<&MapSummary> {
        error.user_error()?.inner().downcast_ref::<MapFailed>().map(|failed| &failed.0)
    }
}

impl std::error::Error for MapFailed {}

impl fmt::Display for MapFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MapSummary { completed, failed, errors, .. } = &self.0;
        write!(f, "{failed} of {} calls failed", completed + failed)?;
        for (nth, MapError { index, message }) in errors.iter().enumerate() {
            write!(f, "{} number {index}: {message}", if nth == 0 { ":" } else { ";" })?;
        }
        match failed - errors.len() as u64 {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl<T: Volatile> MapCall<T> {
    /// Makes all calls under one task run, which counts what becomes of them, instead of one run for each: for maps so large
    /// that nobody looks at single runs, and whose results are where the task has put them.
    ///
    /// The options of the map are those of its calls. At most `task_limit` of them run at once, and values are taken
    /// from the arguments when there is room, so that memory does not grow with their number but for eight bytes each. What
    /// the calls return is dropped, unless it is cached. The run is Failed when a call has failed, with a [`MapFailed`] as
    /// its error; the others are made all the same.
    ///
    /// In a flow run that is executed again, calls with the same arguments that have completed before are not made again.
    /// Which have is kept in result storage about once a second and at the end: what completed in the last second before a
    /// crash or a cancellation is executed once more, as with `durability = Batched`. With `persist_result = false`, and where the storage does not
    /// take it, all are. Such a map cannot be part of a [`transaction`](fn@crate::transaction).
    ///
    /// ```
    /// use flowcore::{Engine, MapFailed, Result, each, flow, task};
    ///
    /// #[task(retries = 1)]
    /// async fn import(line: u64) -> Result<()> {
    ///     if line == 7 { Err(flowcore::Error::msg("it is empty")) } else { Ok(()) }
    /// }
    ///
    /// #[flow]
    /// async fn imports() -> Result<u64> {
    ///     let done = import::map(each(0..1_000)).summary().await;
    ///     let error = done.expect_err("a call has failed");
    ///     Ok(MapFailed::of(&error).map_or(0, |summary| summary.completed))
    /// }
    ///
    /// #[flowcore::main]
    /// async fn main() -> Result<()> {
    ///     assert_eq!(imports().on(&Engine::memory()).await?, 999);
    ///     Ok(())
    /// }
    /// ```
    pub fn summary(self) -> TaskCall<MapSummary> {
        let of_calls = self.options.as_deref().unwrap_or(&self.definition.options);
        let mut options = TaskOptions::new().task_runner(TaskRunner::current_runtime());
        options.common.name.clone_from(&of_calls.common.name);
        options.common.version.clone_from(&of_calls.common.version);
        options.common.tags.clone_from(&of_calls.common.tags);
        options.durability = of_calls.durability;
        let name = of_calls.common.name.as_deref().unwrap_or(self.definition.site.name);
        options.task_run_name = Some(format!("{}-map", name.replace('{', "{{").replace('}', "}}")));
        // The arguments are gone through again even if all is done: they may be others.
        options.refresh_cache = true;
        let keeps = of_calls.common.persist_result != Some(false);
        let storage = keeps.then(|| of_calls.common.result_storage.clone());
        let calls = Box::new(Rest { calls: self.calls, options: self.options, wait_for: self.wait_for, made: 0 });
        let call = Call {
            definition: self.definition,
            job: Box::new(MapJob { calls: Mutex::new(Some(calls)), storage }),
            codec: Some(Codec::of::<MapSummary>()),
            options: Some(Box::new(options)),
            wait_for: Vec::new(),
            detached: false,
            outlet: None,
            standing: Standing::Map,
            made: None,
        };
        TaskCall::of(call)
    }
}

/// The calls that are still to be made, with their type erased.
trait AnyCalls: Send {
    fn next(&mut self) -> Option<Result<Call, &'static str>>;
}

struct Rest<T> {
    calls: Box<dyn Calls<T>>,
    options: Option<Box<TaskOptions>>,
    wait_for: Vec<Promise>,
    made: u32,
}

impl<T> AnyCalls for Rest<T> {
    fn next(&mut self) -> Option<Result<Call, &'static str>> {
        let call = self.calls.next()?;
        Some(call.map(|TaskCall { mut call, .. }| {
            call.options.clone_from(&self.options);
            call.wait_for.clone_from(&self.wait_for);
            call.standing = Standing::PartOfMap(self.made);
            self.made = self.made.saturating_add(1);
            call
        }))
    }
}

/// The body of the run that stands for a map.
struct MapJob {
    calls: Mutex<Option<Box<dyn AnyCalls>>>,
    /// Where it is kept what is done, if it is; none in it for the engine's own storage.
    storage: Option<Option<Storage>>,
}

impl Job for MapJob {
    fn visit_runs(&self, _: &mut dyn FnMut(usize, &UpstreamRun<'_>)) {}

    fn resolve(&mut self) -> Result<(), RunError> {
        Ok(())
    }

    fn digest(&self, _: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
        Ok(())
    }

    /// Tells it from calls of the task. Which map of the task it is, is a matter of their order.
    fn digest_all(&self, hasher: &mut blake3::Hasher) -> Result<(), DigestError> {
        hasher.update(b"map with a summary");
        Ok(())
    }

    fn arguments(&self, _: &[&'static str]) -> Map<String, Json> {
        Map::new()
    }

    fn invoke(&mut self, _: bool) -> BodyFuture {
        let calls = self.calls.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let storage = self.storage.clone();
        Box::pin(async move {
            let spent = || {
                Error::msg(
                    "the arguments of a map can be gone through once: set `retries` on its calls, before `summary()`",
                )
            };
            let calls = calls.ok_or_else(|| spent().retriable(false))?;
            Ok(Arc::new(run_all(calls, storage).await?) as Value)
        })
    }
}

/// Makes all calls, some at once, and counts.
async fn run_all(mut calls: Box<dyn AnyCalls>, storage: Option<Option<Storage>>) -> Result<MapSummary, Error> {
    let scope = Scope::current();
    let engine = scope.engine().await?;
    if scope.transaction().is_some() {
        let error =
            "a map with a summary cannot be part of a transaction, since its calls have no runs that could be undone";
        return Err(Error::msg(error).retriable(false));
    }
    let run = scope.task().map(|task| task.id).filter(|_| scope.flow().is_some());
    let storage = storage.map(|storage| storage.unwrap_or_else(|| engine.0.storage.clone()));
    let mut progress = Progress::load(run.zip(storage), engine.0.clock.now()).await;
    let limit = scope.flow().map_or(engine.0.limits.tasks, |flow| flow.limit);
    let mut summary = MapSummary::default();
    let mut running = JoinSet::new();
    let (mut made, mut mismatch) = (0_u64, None);
    loop {
        while running.len() < limit.max(1) && mismatch.is_none() {
            match calls.next() {
                None => break,
                Some(Err(what)) => mismatch = Some(what),
                Some(Ok(call)) => {
                    let child = scope.flow().map(|flow| flow.children.one());
                    let one = One { index: made, scope: scope.clone(), call, earlier: progress.earlier() };
                    running.spawn(async move {
                        let ended = one.run().await;
                        drop(child);
                        ended
                    });
                    made += 1;
                }
            }
        }
        tokio::select! {
            // First what is due: calls may end faster than they are looked at.
            biased;
            () = progress.due() => progress.save().await,
            ended = running.join_next() => match ended {
                None => break,
                Some(ended) => summary.add(ended?).into_iter().for_each(|digest| progress.done(digest)),
            },
        }
    }
    progress.save().await;
    match mismatch {
        Some(what) => Err(Error::msg(what).retriable(false)),
        None if summary.failed > 0 => Err(MapFailed(summary).into()),
        None => Ok(summary),
    }
}

/// One call under way.
struct One {
    index: u64,
    scope: Scope,
    call: Call,
    earlier: Arc<Earlier>,
}

/// How one call ended.
struct Ended {
    index: u64,
    /// The digest of its arguments, if they have come.
    digest: Option<u64>,
    end: End,
}

enum End {
    Completed,
    Cached,
    Earlier,
    Failed(String),
}

impl One {
    async fn run(self) -> Ended {
        let One { index, scope, mut call, earlier } = self;
        let promise =
            Promise::new(scope.cancel().map_or_else(super::cancel::Cancel::new, super::cancel::Cancel::child));
        upstream_settled(&call, promise.cancel_request()).await;
        // The arguments' own code may panic.
        let digested = Panicked::catch(|| -> Result<u64, Error> {
            call.job.resolve()?;
            let [a, b, c, d, e, f, g, h, ..] = digest(&call)?.0;
            Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
        });
        let digest = match digested.map_err(Error::from).flatten() {
            Ok(digest) => digest,
            Err(error) => return Ended { index, digest: None, end: End::Failed(error.chain().join(": ")) },
        };
        let end = if earlier.take(digest) {
            End::Earlier
        } else {
            End::of(&TaskExecution::run(scope, call, Some(&promise)).await)
        };
        Ended { index, digest: Some(digest), end }
    }
}

impl End {
    fn of(settled: &Settled) -> Self {
        match (&settled.result, &settled.state) {
            (Ok(_), Some(state)) if state.name == StateName::CACHED => End::Cached,
            (Ok(_), _) => End::Completed,
            (Err(_), Some(state)) if state.message.is_some() => End::Failed(state.message.clone().unwrap_or_default()),
            (Err(error), _) => End::Failed(Error::from(error.clone()).chain().join(": ")),
        }
    }
}

impl MapSummary {
    /// Counts a call; gives the digest of one that was done in this attempt.
    fn add(&mut self, Ended { index, digest, end }: Ended) -> Option<u64> {
        match end {
            End::Failed(message) => {
                self.failed += 1;
                let place = self.errors.partition_point(|error| error.index < index);
                self.errors.insert(place, MapError { index, message });
                self.errors.truncate(MOST_ERRORS);
                return None;
            }
            End::Completed => {}
            End::Cached => self.cached += 1,
            End::Earlier => {
                self.completed += 1;
                self.earlier += 1;
                return None;
            }
        }
        self.completed += 1;
        digest
    }
}
