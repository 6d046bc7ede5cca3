//! One task run, from call to final state.

use std::sync::Arc;
use std::time::Duration;

use super::cancel::Cancel;
use super::codec::Value;
use super::context::{Occurrence, Scope, TaskScope};
use super::core::Engine;
use super::error::{Error, RunError};
use super::hooks::{Hook, HookEvent};
use super::journal::Entry;
use super::options::Durability;
use super::panics::{CatchPanics, Panicked, caught};
use super::settled::{Promise, Settled};
use super::task_cache::{Cached, Caching, look_up};
use super::task_call::Call;
use super::task_entry::{adopt, digest, fill_for, make_entry, take_entry};
use super::task_slots::{TaskSlots, take_slots};
use super::upstream::{Upstream, upstream};
use crate::model::{State, StateData, StateName, StateType, TaskInput, Timestamp};
use crate::orchestration::{Decision, Governed, TASK_POLICY, govern};

/// One task run under way.
pub(crate) struct TaskExecution {
    engine: Engine,
    scope: Scope,
    call: Call,
    entry: Arc<Entry>,
    cancel: Cancel,
    run_count_at_start: i32,
    /// The key that the result is stored under, where a template makes it; made while the arguments are here.
    own_key: Option<String>,
    /// Whether the run has reached its final state: if this is dropped before, it was cancelled.
    ended: bool,
}

/// How one attempt of the body ended.
enum Attempt {
    Value(Value),
    Error(Error),
    Panic(Panicked),
    TimedOut(Duration),
    Cancelled,
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
        let occurrence = match (scope.flow(), digest) {
            (Some(flow), Some(digest)) => flow.occur(call.definition.site.key, digest),
            _ => Occurrence { dynamic_key: engine.0.clock.uuid().simple().to_string(), number: 0, earlier: None },
        };
        if let Some(earlier) = &occurrence.earlier
            && let Some(settled) = Box::pin(adopt(&engine, &call, earlier, promise)).await
        {
            return settled;
        }
        let entry = match occurrence.earlier {
            None => make_entry(&engine, &scope, &call, &occurrence, digest, edges),
            Some(run) => match Box::pin(take_entry(&engine, &scope, &call, run, edges)).await {
                Ok(entry) => entry,
                Err(error) => return unorchestrated(call.name(), error),
            },
        };
        let (id, run_count_at_start) = entry.with(|run| (run.id, run.times.run_count));
        if let Some(promise) = promise {
            promise.identify(TaskInput::TaskRun { id });
        }
        let own_key = match &call.options().result_storage_key {
            Some(template) if failed.is_none() => Some(fill_for(&call, &scope, template)),
            _ => None,
        };
        let mut execution =
            TaskExecution { engine, scope, call, entry, cancel, run_count_at_start, own_key, ended: false };
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
            Box::pin(self.inside().surround(look_up)).await
        } else {
            Ok(Cached::Miss(None))
        };
        let cached = match cached {
            Ok(Cached::Hit(value, state)) => match self.propose(*state) {
                Decision::Accept(state) => return Settled { state: Some(state), result: Ok(value) },
                _ => return self.cancelled(),
            },
            Ok(Cached::Miss(cached)) => cached,
            Err(error) => return Box::pin(self.fail(Attempt::Error(error))).await.unwrap_or_else(|| self.cancelled()),
        };
        loop {
            if self.cancel.is_requested() {
                return self.cancelled();
            }
            // The tags of most runs are none: what has no limit must not pay for limits.
            let slots = if self.entry.with(|run| run.tags.is_empty()) {
                None
            } else {
                match Box::pin(self.take_slots()).await {
                    TaskSlots::Taken(slots) => slots,
                    TaskSlots::Cancelled => return self.cancelled(),
                    TaskSlots::Failed(error) => {
                        let failed = Box::pin(self.fail(Attempt::Error(error))).await;
                        return failed.unwrap_or_else(|| self.cancelled());
                    }
                }
            };
            match self.propose(self.engine.state(StateType::Running)) {
                Decision::Accept(running) => {
                    if !self.call.options().on_running.is_empty() {
                        Box::pin(self.call_hooks(&self.call.options().on_running, &running)).await;
                    }
                }
                Decision::Wait(until) => {
                    drop(slots);
                    Box::pin(self.sleep_until(until)).await;
                    continue;
                }
                _ => return self.cancelled(),
            }
            let attempt = self.attempt().await;
            let attempt = match attempt {
                Attempt::Value(value) => match self.keep(&value, cached.as_ref()).await {
                    Ok(data) if self.call.options().on_completion.is_empty() => {
                        return self.complete(value, data, cached).1;
                    }
                    Ok(data) => return Box::pin(self.complete_with_hooks(value, data, cached)).await,
                    Err(error) => Attempt::Error(error),
                },
                other => other,
            };
            if matches!(attempt, Attempt::Cancelled) {
                return self.cancelled();
            }
            if let Some(settled) = Box::pin(self.fail(attempt)).await {
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

    /// Runs the body once.
    async fn attempt(&mut self) -> Attempt {
        let scope = self.inside();
        let attempt = scope.task().map_or(1, |task| task.attempt);
        let retries = self.call.options().retries;
        let last = u32::try_from(attempt - self.run_count_at_start).unwrap_or(1) > retries;
        let job = &mut self.call.job;
        // The body's future is made inside: a plain function's arguments may be dropped with a panic too.
        let body = match Panicked::catch(|| scope.clone().enter(|| job.invoke(last))) {
            Ok(body) => CatchPanics(body),
            Err(panicked) => return Attempt::Panic(panicked),
        };
        let mut body = std::pin::pin!(scope.surround(body));
        let timeout = self.call.options().timeout;
        let clock = self.engine.0.clock.clone();
        let result = tokio::select! {
            biased;
            result = &mut body => result,
            () = self.cancel.requested() => return Attempt::Cancelled,
            () = async { match timeout { Some(timeout) => clock.sleep(timeout).await, None => std::future::pending().await } } => {
                return Attempt::TimedOut(timeout.unwrap_or_default());
            }
        };
        match result {
            Ok(Ok(value)) => Attempt::Value(value),
            Ok(Err(error)) => match error.inner().downcast_ref::<Panicked>() {
                Some(panicked) => Attempt::Panic(panicked.clone()),
                // What it waited for was asked to end with it, and told it first.
                None if self.cancel.is_requested() => Attempt::Cancelled,
                None => Attempt::Error(error),
            },
            Err(panicked) => Attempt::Panic(panicked),
        }
    }

    async fn keep(&self, value: &Value, cached: Option<&Caching>) -> Result<Option<StateData>, Error> {
        if cached.is_none()
            && let Some(kept) = self.call.keeping(&self.engine).keep_inline(value)
        {
            return Ok(kept);
        }
        let under = cached.map(|cached| (cached.key.as_str(), cached.expiration));
        let own_key = || self.own_key.clone().unwrap_or_else(|| self.entry.with(|run| run.id.to_string()));
        Box::pin(self.inside().surround(self.call.keeping(&self.engine).keep(value, under, own_key))).await
    }

    async fn complete_with_hooks(&self, value: Value, data: Option<StateData>, cached: Option<Caching>) -> Settled {
        let (completed, settled) = self.complete(value, data, cached);
        if let (true, Some(state)) = (completed, &settled.state) {
            self.call_hooks(&self.call.options().on_completion, state).await;
        }
        settled
    }

    /// Ends the run as Completed; tells whether it did.
    fn complete(&self, value: Value, data: Option<StateData>, cached: Option<Caching>) -> (bool, Settled) {
        let mut state = self.engine.state(StateType::Completed);
        state.data = data.map(Box::new);
        if let Some(cached) = cached {
            let details = state.details_mut();
            details.cache_key = Some(cached.key);
            details.cache_expiration = cached.expiration;
        }
        match self.propose(state) {
            Decision::Accept(state) => (true, Settled { state: Some(state), result: Ok(value) }),
            _ => (false, self.cancelled()),
        }
    }

    /// Ends the run as Failed, or gives none when it is to be tried again.
    async fn fail(&mut self, attempt: Attempt) -> Option<Settled> {
        let mut state = self.engine.state(StateType::Failed);
        let mut retriable = true;
        let mut source = None;
        match attempt {
            Attempt::TimedOut(limit) => {
                state = state.named(StateName::TIMED_OUT).message(format!("The task took longer than {limit:?}."));
            }
            Attempt::Panic(panicked) => {
                state = describe_panic(state, &panicked);
                source = Some(Error::from(panicked));
            }
            Attempt::Error(error) => {
                retriable =
                    error.is_retriable() && self.call.options().retry_if.as_ref().is_none_or(|accepts| accepts(&error));
                let chain = error.chain();
                state = state.message(format!("The task failed: {}", chain.join(": ")));
                state = state.data(StateData::Failure { chain, location: None });
                source = Some(error);
            }
            Attempt::Value(_) | Attempt::Cancelled => {}
        }
        if !retriable {
            state.details_mut().retriable = Some(false);
        }
        let message = state.message.clone().unwrap_or_default();
        match self.propose(state) {
            Decision::Reject(waiting, _) if waiting.kind == StateType::Scheduled => {
                let wait = waiting.scheduled_time().unwrap_or_default() - waiting.timestamp;
                self.log(|| tracing::warn!(target: "flowcore::task_run", "{message}; it is tried again in {:.1} s", wait.as_seconds_f64()));
                None
            }
            Decision::Accept(state) | Decision::Reject(state, _) => {
                self.log(|| tracing::error!(target: "flowcore::task_run", "{message}"));
                self.call_hooks(&self.call.options().on_failure, &state).await;
                Some(self.failed_with(state, source))
            }
            _ => Some(self.cancelled()),
        }
    }

    /// Ends the run after a panic of code around the body: a predicate, a cache key, the result's serialization.
    async fn panicked(&mut self, panicked: Panicked) -> Settled {
        let mut state = describe_panic(self.engine.state(StateType::Failed), &panicked);
        state.details_mut().retriable = Some(false);
        match self.propose(state) {
            Decision::Accept(state) => {
                let message = state.message.clone().unwrap_or_default();
                self.log(|| tracing::error!(target: "flowcore::task_run", "{message}"));
                self.call_hooks(&self.call.options().on_failure, &state).await;
                self.failed_with(state, Some(Error::from(panicked)))
            }
            _ => self.cancelled(),
        }
    }

    fn not_ready(&self, error: &RunError) -> Settled {
        let message = format!("{error}, and its result is needed.");
        let state = self.engine.state(StateType::Pending).named(StateName::NOT_READY).message(message);
        match self.propose(state) {
            Decision::Accept(state) => self.failed_with(state, Some(Error::from(error.clone()))),
            _ => self.cancelled(),
        }
    }

    fn cancelled(&self) -> Settled {
        let state = self.engine.state(StateType::Cancelled).message("The task was asked to end.");
        match self.propose(state) {
            Decision::Accept(state) => self.failed_with(state, None),
            _ => self.failed_with(self.entry.with(|run| run.state.clone()), None),
        }
    }

    fn failed_with(&self, state: State, source: Option<Error>) -> Settled {
        let error =
            RunError::of_state(format!("task `{}`", self.entry.with(|run| run.name.clone())), state.clone(), source);
        Settled { state: Some(state), result: Err(error) }
    }

    /// Applies the rules to a proposed state, and enters what they allow.
    fn propose(&self, proposed: State) -> Decision {
        let clock = &self.engine.0.clock;
        let decision = self.entry.with(|run| {
            let governed = Governed {
                state: Some(&run.state),
                times: &run.times,
                policy: &run.empirical_policy,
                run_count_at_start: self.run_count_at_start,
            };
            let now = proposed.timestamp;
            govern(TASK_POLICY, governed, proposed, now, clock.random(), || crate::model::StateId(clock.uuid()))
        });
        if let Decision::Accept(state) | Decision::Reject(state, _) = &decision {
            self.engine.0.journal.enter(&self.entry, state.clone());
        }
        decision
    }

    async fn sleep_until(&self, due: Timestamp) {
        let clock = &self.engine.0.clock;
        if let Ok(wait) = (due - clock.now()).to_std() {
            tokio::select! {
                () = clock.sleep(wait) => {}
                () = self.cancel.requested() => {}
            }
        }
    }

    /// Gives what surrounds code inside the run.
    fn inside(&self) -> Scope {
        let depth = self.scope.task().map_or(0, |task| task.depth) + 1;
        let around = TaskScope::new(self.entry.clone(), depth, self.cancel.clone());
        Scope::new(self.engine.clone(), self.scope.flow().cloned(), Some(around))
    }

    /// Logs inside the run.
    fn log(&self, log: impl FnOnce()) {
        self.inside().enter(log);
    }

    async fn call_hooks(&self, hooks: &[Hook], state: &State) {
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
        // Outside a flow nobody else waits for the record.
        let committed = self.call.options().durability == Durability::Committed || self.scope.flow().is_none();
        if committed && let Err(error) = Box::pin(self.engine.0.journal.commit()).await {
            return unorchestrated(&self.entry.with(|run| run.name.clone()), error);
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
        }
    }
}

fn describe_panic(state: State, panicked: &Panicked) -> State {
    let failure = StateData::Failure { chain: vec![panicked.to_string()], location: panicked.location.clone() };
    state.message(panicked.say("The task")).data(failure)
}

fn unorchestrated(name: &str, error: impl Into<Error>) -> Settled {
    Settled { state: None, result: Err(RunError::infrastructure(format!("task `{name}`"), error)) }
}
