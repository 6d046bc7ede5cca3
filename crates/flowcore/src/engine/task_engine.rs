//! One task run, from call to final state.

use std::sync::Arc;

use super::asset::TaskAssets;
use super::attempt::{Attempt, Fault, until_either};
use super::blocking::Left;
use super::calls::Occurrence;
use super::cancel::Cancel;
use super::codec::Value;
use super::context::Scope;
use super::core::Engine;
use super::entry::Entry;
use super::error::{Error, RunError};
use super::hooks::{Hook, HookEvent};
use super::options::Durability;
use super::panics::{Panicked, caught};
use super::pool::Threads;
use super::runner::{TaskRunner, Turn};
use super::settled::{Promise, Settled};
use super::spans::{Above, RunSpan};
use super::task_cache::{Cached, Caching, look_up};
use super::task_call::{Call, Standing};
use super::task_entry::{adopt, digest, fill_for, known_digest, make_entry, propose, take_entry};
use super::task_scope::TaskScope;
use super::task_slots::{TaskSlots, take_slots};
use super::transaction::Hooked;
use super::upstream::{Upstream, upstream};
use crate::model::{State, StateData, StateName, StateType, TaskInput, Timestamp};
use crate::orchestration::Decision;

/// One task run under way.
pub(crate) struct TaskExecution {
    pub(super) engine: Engine,
    pub(super) scope: Scope,
    pub(super) call: Call,
    pub(super) entry: Arc<Entry>,
    pub(super) cancel: Cancel,
    /// Whether it was submitted, and not awaited.
    submitted: bool,
    pub(super) run_count_at_start: i32,
    /// The key that the result is stored under, where a template makes it; made while the arguments are here.
    own_key: Option<String>,
    /// The hooks for the end of its transaction; made while the arguments are here.
    pub(super) hooked: Option<Box<Hooked>>,
    /// What it materializes and depends on, if it has to do with assets.
    pub(super) assets: Option<Arc<TaskAssets>>,
    pub(super) span: RunSpan,
    /// What an earlier attempt has left behind and may still go on.
    pub(super) left: Option<Left>,
    /// Whether the run has reached its final state: if this is dropped before, it was cancelled.
    ended: bool,
}

impl TaskExecution {
    /// Runs a call to its end. `promise` is that of a submitted call.
    pub(crate) async fn run(scope: Scope, mut call: Call, promise: Option<&Promise>) -> Settled {
        let engine = match scope.engine().await {
            Ok(engine) => engine,
            Err(error) => return unorchestrated(call.name(), error),
        };
        let cancel = promise.map_or_else(
            || scope.cancel().cloned().unwrap_or_else(Cancel::new),
            |promise| promise.cancel_request().clone(),
        );
        let room = tokio::select! {
            room = engine.0.journal.room() => room,
            // It will be told so below.
            () = cancel.requested() => Ok(()),
        };
        if let Err(error) = room {
            return unorchestrated(call.name(), error);
        }
        let parent = scope.task().map(|task| task.id);
        let Upstream { edges, failed } =
            if call.is_ready() { Upstream::none(parent) } else { Box::pin(upstream(&call, parent, &cancel)).await };
        let digest = match &failed {
            Some(_) => None,
            // The arguments' own code may panic too.
            None => match Panicked::catch(|| call.job.resolve().map_err(Error::from).and_then(|()| Ok(digest(&call)?)))
            {
                Ok(Ok(digest)) => Some(digest),
                Ok(Err(error)) => return unorchestrated(call.name(), error),
                Err(panicked) => return unorchestrated(call.name(), panicked),
            },
        };
        let assets = match &failed {
            Some(_) => None,
            None => match Panicked::catch(|| TaskAssets::of(&call, &scope, &edges)) {
                Ok(Ok(assets)) => assets,
                Ok(Err(error)) => return unorchestrated(call.name(), error),
                Err(panicked) => return unorchestrated(call.name(), panicked),
            },
        };
        let mut occurrence = match (call.standing, scope.flow()) {
            (Standing::PartOfMap(number), _) => Occurrence { dynamic_key: None, number, earlier: None },
            (_, Some(flow)) => flow.occur(call.definition.site.key, digest, || known_digest(&call, &edges)),
            (_, None) => Occurrence { dynamic_key: None, number: 0, earlier: call.made.take().map(|run| *run) },
        };
        if let Some(earlier) = &occurrence.earlier
            && let Some(settled) = Box::pin(adopt(&engine, &scope, &call, earlier, assets.as_ref(), promise)).await
        {
            return settled;
        }
        let entry = match occurrence.earlier.take() {
            None => make_entry(&engine, &scope, &call, occurrence, digest, edges),
            Some(run) => match Box::pin(take_entry(&engine, &scope, &call, run, occurrence, digest, edges)).await {
                Ok(entry) => entry,
                Err(error) => return unorchestrated(call.name(), error),
            },
        };
        let (id, run_count_at_start) = entry.with(|run| (run.id, run.times.run_count));
        let span = entry.with(|run| RunSpan::of_task_run(&Above::of(&scope), run));
        if let Some(promise) = promise {
            promise.identify(TaskInput::TaskRun { id });
        }
        if let Some(assets) = &assets {
            assets.hand_on(&scope, id);
        }
        let own_key = match &call.options().common.result_storage_key {
            Some(template) if failed.is_none() => Some(fill_for(&call, &scope, template)),
            _ => None,
        };
        let hooked = if failed.is_none() { call.hooked() } else { None };
        let mut execution = TaskExecution {
            engine,
            scope,
            call,
            entry,
            cancel,
            submitted: promise.is_some(),
            run_count_at_start,
            own_key,
            hooked,
            assets,
            span,
            left: None,
            ended: false,
        };
        let settled = match failed {
            None => match caught(execution.execute()).await {
                Ok(settled) => settled,
                Err(panicked) => Box::pin(execution.panicked(panicked)).await,
            },
            Some(_) if execution.cancel.is_requested() => execution.cancelled(),
            Some(error) => execution.not_ready(&error),
        };
        execution.commit(settled).await
    }

    async fn execute(&mut self) -> Settled {
        // What most runs do not need is boxed when it is: it would make the future of every run large.
        let cached = if self.call.options().cache.caches() {
            let look_up = look_up(&self.engine, &self.call, &self.scope, &self.entry);
            // Another's lock on the key may last.
            tokio::select! {
                biased;
                cached = Box::pin(self.inside().surround(look_up)) => cached,
                () = self.cancel.requested() => return self.cancelled(),
            }
        } else {
            Ok(Cached::Miss(None))
        };
        let mut cached = match cached {
            Ok(Cached::Hit(value, state)) => match self.propose(*state) {
                Decision::Accept(state) => return Settled { state: Some(state), result: Ok(value) },
                _ => return self.cancelled(),
            },
            Ok(Cached::Miss(cached)) => cached,
            Err(error) => return Box::pin(self.fail(Fault::Error(error))).await.unwrap_or_else(|| self.cancelled()),
        };
        loop {
            if let Some(left) = self.left.take() {
                // Two attempts of one call must not run side by side.
                Box::pin(until_either(left.ended(), &self.cancel)).await;
            }
            if self.cancel.is_requested() {
                return self.cancelled();
            }
            // The tags of most runs are none: what has no limit must not pay for limits.
            let slots = if self.call.standing == Standing::Map || self.entry.with(|run| run.tags.is_empty()) {
                None
            } else {
                match Box::pin(self.take_slots()).await {
                    TaskSlots::Taken(slots) => slots,
                    TaskSlots::Cancelled => return self.cancelled(),
                    TaskSlots::Failed(error) => {
                        let failed = Box::pin(self.fail(Fault::Error(error))).await;
                        return failed.unwrap_or_else(|| self.cancelled());
                    }
                }
            };
            // Behind the slots, in the same order for all: who has a thread waits for nobody.
            let turn = match self.threads() {
                None => None,
                Some(threads) => tokio::select! {
                    turn = Box::pin(Turn::take(threads)) => Some(turn),
                    () = self.cancel.requested() => return self.cancelled(),
                },
            };
            match self.propose(self.engine.state(StateType::Running)) {
                Decision::Accept(running) => {
                    if !self.call.options().common.on_running.is_empty() {
                        Box::pin(self.call_hooks(&self.call.options().common.on_running, &running)).await;
                    }
                }
                Decision::Wait(until) => {
                    drop((turn, slots));
                    Box::pin(self.sleep_until(until)).await;
                    continue;
                }
                _ => return self.cancelled(),
            }
            let fault = match self.attempt(turn).await {
                Attempt::Value(value) => match self.keep(&value, cached.as_mut()).await {
                    Ok(data) if self.call.options().common.on_completion.is_empty() && self.hooked.is_none() => {
                        return self.complete(value, data, cached).1;
                    }
                    Ok(data) => return Box::pin(self.complete_with_hooks(value, data, cached)).await,
                    Err(error) => Fault::Error(error),
                },
                Attempt::Cancelled => return self.cancelled(),
                Attempt::Failed(fault) => fault,
            };
            if let Some(settled) = Box::pin(self.fail(fault)).await {
                return settled;
            }
            // A run that waits for its next attempt is in nobody's way.
            drop(slots);
            let due = self.entry.with(|run| run.times.next_scheduled_start_time);
            Box::pin(self.sleep_until(due.unwrap_or_default())).await;
        }
    }

    /// Takes the slots of its tags. While they are not free, the run is in AwaitingConcurrencySlot.
    async fn take_slots(&self) -> TaskSlots {
        let tags = self.entry.with(|run| run.tags.clone());
        let waits = |reason| {
            let state = self.engine.state(StateType::Scheduled).named(StateName::AWAITING_CONCURRENCY_SLOT);
            self.propose(state.message(reason));
        };
        take_slots(&self.engine, tags, self.inside(), &self.cancel, waits).await
    }

    /// Gives the threads that the body is to run on; none for the current runtime.
    fn threads(&self) -> Option<Arc<Threads>> {
        if self.engine.0.background.is_a_runtime() {
            return None;
        }
        let of_flow = || self.scope.flow().filter(|_| self.submitted).and_then(|flow| flow.runner.as_ref());
        let runner = self.call.options().task_runner.as_ref().or_else(of_flow);
        runner.and_then(TaskRunner::threads).cloned()
    }

    async fn keep(&self, value: &Value, mut cached: Option<&mut Caching>) -> Result<Option<StateData>, Error> {
        if let Some(inside) = cached.take_if(|cached| cached.place.is_some()) {
            // It is cached when the transaction commits.
            let entry = self.call.keeping(&self.engine).cache_entry(
                value,
                &inside.key,
                inside.expiration,
                inside.call.clone(),
            )?;
            inside.entry = Some(Arc::new(entry));
        }
        if let Some(caching) = &cached
            && caching.is_lost().await
        {
            cached = None;
        }
        if cached.is_none() && self.own_key.is_none() && self.call.is_part_of_map() {
            return Ok(None);
        }
        if cached.is_none()
            && let Some(kept) = self.call.keeping(&self.engine).keep_inline(value)
        {
            return Ok(kept);
        }
        let under = cached.as_deref();
        let own_key = || self.own_key.clone().unwrap_or_else(|| self.entry.with(|run| run.id.to_string()));
        Box::pin(self.inside().surround(self.call.keeping(&self.engine).keep(value, under, own_key))).await
    }

    /// Applies the rules to a proposed state, and enters what they allow.
    pub(super) fn propose(&self, proposed: State) -> Decision {
        propose(&self.engine, &self.entry, self.run_count_at_start, proposed)
    }

    async fn sleep_until(&self, due: Timestamp) {
        let clock = &self.engine.0.clock;
        if let Ok(wait) = (due - clock.now()).to_std() {
            until_either(clock.sleep(wait), &self.cancel).await;
        }
    }

    /// Gives what surrounds code inside the run.
    fn inside(&self) -> Scope {
        self.scope.with_task(self.engine.clone(), self.around())
    }

    /// Gives what surrounds the body.
    pub(super) fn inside_body(&self, on_thread: bool) -> Scope {
        let around = self.around().on_thread(on_thread).yields_to(self.call.outlet.clone());
        self.scope.with_task(self.engine.clone(), around)
    }

    fn around(&self) -> TaskScope {
        let depth = self.scope.task().map_or(0, |task| task.depth) + 1;
        let around = TaskScope::new(self.entry.clone(), depth, self.cancel.clone());
        around.with(self.span.clone(), self.assets.clone())
    }

    /// Logs inside the run.
    pub(super) fn log(&self, log: impl FnOnce()) {
        self.inside().enter(log);
    }

    pub(super) async fn call_hooks(&self, hooks: &[Hook], state: &State) {
        let (id, run_name) = self.entry.with(|run| (run.id, run.name.clone()));
        let event = HookEvent {
            name: self.call.name().to_owned(),
            run_name,
            flow_run_id: self.scope.flow().map(|flow| flow.id),
            task_run_id: Some(id),
            state: state.clone(),
        };
        // Inside the run, as its body was.
        let around = TaskScope::new(self.entry.clone(), 0, self.cancel.clone());
        let scope = Scope::new(self.engine.clone(), self.scope.flow().cloned(), Some(around));
        scope.surround(Hook::call_all(hooks, &event)).await;
    }

    /// Returns the end when it is as durable as asked for.
    async fn commit(mut self, settled: Settled) -> Settled {
        self.ended = true;
        self.entry.with(|run| self.span.end(&run.state, run.times.run_count));
        // Outside a flow nobody else waits for the record.
        let committed = self.call.options().durability == Durability::Committed || self.scope.flow().is_none();
        let committed = committed && !self.call.is_part_of_map();
        if committed && let Err(error) = Box::pin(self.engine.0.journal.commit()).await {
            return unorchestrated(&self.entry.with(|run| run.name.clone()), error);
        }
        if committed && self.assets.as_ref().is_some_and(|assets| assets.materializes()) {
            // What cannot be kept yet comes with the next events.
            drop(self.engine.0.events.flush().await);
        }
        settled
    }
}

impl Drop for TaskExecution {
    fn drop(&mut self) {
        if !self.ended {
            let state =
                self.engine.state(StateType::Cancelled).message("The task's future was dropped before it ended.");
            self.propose(state);
            self.entry.with(|run| self.span.end(&run.state, run.times.run_count));
        }
    }
}

pub(super) fn unorchestrated(name: &str, error: impl Into<Error>) -> Settled {
    Settled { state: None, result: Err(RunError::infrastructure(format!("task `{name}`"), error)) }
}
