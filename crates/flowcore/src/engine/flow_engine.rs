//! One flow run, from call to final state.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::attempt::{Attempt, until_either};
use super::blocking::Left;
use super::cancel::Cancel;
use super::claim::{Claim, claim};
use super::codec::Value;
use super::context::{FlowScope, NewFlowScope, Scope};
use super::core::Engine;
use super::error::{Error, RunError};
use super::flow_call::FlowCallParts;
use super::flow_report::hooks_of;
use super::insist::insist;
use super::new_run::new_run;
use super::panics::{CatchPanics, Panicked, caught};
use super::program;
use super::settled::{Promise, Settled};
use super::subflow::Parent;
use super::upstream::wait_for;
use super::verdict::Ending;
use crate::client::ClientError;
use crate::model::{FlowRun, FlowRunId, Page, State, StateType, TaskInput, TaskInputs, TaskRunFilter, Timestamp};
use crate::orchestration::{Decision, Executor, RunDecision};

/// One flow run under way.
pub(crate) struct FlowExecution {
    pub(super) engine: Engine,
    pub(super) call: FlowCallParts,
    pub(super) arguments: Map<String, Json>,
    /// Asks this run to end: made with the engine's, the parent's, and when the call's future is dropped.
    cancel: Cancel,
    pub(super) run: FlowRun,
    /// What an earlier attempt has left behind and may still go on.
    left: Option<Left>,
    parent: Option<Arc<Parent>>,
}

/// Asks a run to end when the future of its call is dropped.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl FlowExecution {
    /// Runs a call to its end. `promise` is that of a submitted call.
    pub(crate) async fn run(scope: Scope, mut call: FlowCallParts, promise: Option<&Promise>) -> Settled {
        let name = call.name();
        let engine = match call.engine.take() {
            Some(engine) => engine,
            None => match scope.engine().await {
                Ok(engine) => engine,
                Err(error) => return unorchestrated(&name, error),
            },
        };
        let outer = promise.map(Promise::cancel_request).or(scope.cancel()).cloned();
        let cancel = engine.0.cancel.child();
        let never = Cancel::new();
        let upstream =
            wait_for(&*call.job, call.definition.site.parameters, &call.wait_for, outer.as_ref().unwrap_or(&never))
                .await;
        if let Some(error) = upstream.failed {
            // A flow run that cannot start is not made; the parent sees the error.
            return unorchestrated(&name, Error::from(error));
        }
        if let Err(error) = call.job.resolve() {
            return unorchestrated(&name, Error::from(error));
        }
        let dropped = CancelOnDrop(cancel.clone());
        // On a task of its own: the run comes to a final state even if nobody waits for it any more.
        let mut running =
            tokio::spawn(Self::orchestrate(engine, scope, call, upstream.edges, cancel, promise.cloned()));
        let joined = match outer {
            None => running.await,
            Some(outer) => tokio::select! {
                joined = &mut running => joined,
                () = outer.requested() => {
                    dropped.0.cancel();
                    running.await
                }
            },
        };
        joined.unwrap_or_else(|error| unorchestrated(&name, Error::from(error)))
    }

    /// Makes the run and runs it to its end, with the task run that stands for it in its parent.
    async fn orchestrate(
        engine: Engine,
        scope: Scope,
        call: FlowCallParts,
        edges: TaskInputs,
        cancel: Cancel,
        promise: Option<Promise>,
    ) -> Settled {
        let name = call.name();
        let parent = match Parent::of(&engine, &scope, &call, edges).await {
            Ok(parent) => parent.map(Arc::new),
            Err(error) => return unorchestrated(&name, error),
        };
        if let Some(parent) = &parent
            && let Some(settled) = parent.finished(&engine, &call).await
        {
            return settled;
        }
        let identify = |id: FlowRunId| {
            if let Some(promise) = &promise {
                promise.identify(TaskInput::FlowRun { id });
            }
        };
        let settled = match Self::begin(engine.clone(), call, cancel, parent.clone()).await {
            Ok(Begun::Running(execution)) => {
                identify(execution.run.id);
                execution.execute().await
            }
            Ok(Begun::Ended(id, settled)) => {
                identify(id);
                if let (Some(parent), Some(state)) = (&parent, &settled.state) {
                    parent.ended(id, state);
                }
                *settled
            }
            Err(error) => unorchestrated(&name, error),
        };
        if let (Some(parent), None, Err(error)) = (&parent, &settled.state, &settled.result) {
            parent.lost(error);
        }
        settled
    }

    /// Makes the run, or claims the one that is to be executed again.
    async fn begin(
        engine: Engine,
        call: FlowCallParts,
        cancel: Cancel,
        parent: Option<Arc<Parent>>,
    ) -> Result<Begun, Error> {
        let options = call.options();
        let arguments = call.job.arguments(call.definition.site.parameters);
        let executor = Executor { process_id: engine.0.process.id().await?, program: program::current() };
        let earlier = call.run_id.or(parent.as_ref().and_then(|parent| parent.earlier_run));
        let taken = match earlier {
            Some(id) => match claim(&engine, id, executor.clone(), options).await? {
                Claim::Taken(run) => Some(*run),
                Claim::Completed(run) => match call.keeping(&engine).load(&run.state).await {
                    Some(value) => {
                        let settled = Settled { state: Some(run.state), result: Ok(value) };
                        return Ok(Begun::Ended(run.id, Box::new(settled)));
                    }
                    // What was not kept is made anew, as with tasks.
                    None if parent.is_some() => None,
                    None => return Err(Error::msg("the run has already completed, and its result was not kept")),
                },
            },
            None => None,
        };
        let run = match taken {
            Some(run) => run,
            None => {
                let new = new_run(&engine, &call, &arguments, parent.as_deref().map(Parent::id), executor)?;
                engine.0.client.create_flow_run(new).await?
            }
        };
        if let Some(parent) = &parent {
            parent.running(run.id);
        }
        Ok(Begun::Running(Box::new(FlowExecution { engine, call, arguments, cancel, run, left: None, parent })))
    }

    async fn execute(mut self) -> Settled {
        loop {
            let flow = match self.scope().await {
                Ok(flow) => Arc::new(flow),
                Err(error) => {
                    return unorchestrated(&self.run.name, self.left_open("its task runs cannot be read", error));
                }
            };
            let scope = Scope::new(self.engine.clone(), Some(flow.clone()), None);
            self.engine.0.journal.fence(self.run.id, flow.attempt, flow.cancel.clone());
            let running = self.run.state.clone();
            scope.clone().enter(|| self.log_begin());
            let attempt = scope.clone().surround(async {
                self.hooks(|options| &options.common.on_running, &running).await;
                self.attempt(&flow).await
            });
            let attempt = attempt.await;
            self.left = scope.take_left();
            self.engine.0.journal.unfence(self.run.id);
            let ended = match attempt {
                // Its last tasks are journalled; nothing of it may be committed behind the final state.
                Ok(attempt) => scope.clone().surround(self.end(attempt)).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(Some(settled)) => return settled,
                Ok(None) => {}
                Err(error) => return unorchestrated(&self.run.name, error),
            }
        }
    }

    /// Makes what the tasks of this attempt share, with what is known from earlier ones.
    async fn scope(&self) -> Result<FlowScope, ClientError> {
        let earlier = if self.run.times.run_count > 1 {
            let filter =
                TaskRunFilter { flow_run_ids: Some(vec![self.run.id]), page: Page::ALL, ..TaskRunFilter::default() };
            insist(&*self.engine.0.clock, || self.engine.0.client.task_runs(&filter)).await?
        } else {
            Vec::new()
        };
        Ok(FlowScope::new(NewFlowScope {
            id: self.run.id,
            name: self.run.name.clone(),
            flow_name: self.run.flow_name.clone(),
            tags: self.call.options().common.tags.clone(),
            parameters: self.run.parameters.clone(),
            attempt: self.run.times.run_count,
            cancel: self.cancel.child(),
            limit: self.call.options().task_limit.unwrap_or(self.engine.0.limits.tasks),
            earlier,
        }))
    }

    /// Runs the body once, and lets what it has submitted come to an end.
    async fn attempt(&mut self, flow: &Arc<FlowScope>) -> Result<Attempt, Error> {
        let attempts = u32::try_from(self.run.times.run_count - self.run.run_count_at_start).unwrap_or(1);
        let last = attempts > self.call.options().common.retries;
        let timeout = self.call.options().common.timeout;
        let clock = self.engine.0.clock.clone();
        let attempt = {
            let job = &mut self.call.job;
            let body = std::pin::pin!(async {
                let ran = match Panicked::catch(|| job.invoke(last)) {
                    Ok(body) => CatchPanics(body).await,
                    Err(panicked) => Err(panicked),
                };
                // What was submitted belongs to the run: after a success it is waited for.
                if let Ok(Ok(_)) = &ran {
                    flow.children_ended().await;
                }
                ran
            });
            // The body is dropped with what it awaits, so that a transaction in it begins to roll back.
            Attempt::of(body, timeout, &flow.cancel, &*clock).await
        };
        // After anything else it is asked to end.
        if !matches!(attempt, Attempt::Value(_)) {
            flow.cancel.cancel();
            flow.children_ended().await;
        }
        match insist(&*clock, || self.engine.0.journal.commit()).await {
            Ok(()) => Ok(attempt),
            Err(error) => {
                Err(self.left_open("its function has ended, but its task runs cannot be written", error).into())
            }
        }
    }

    /// Brings the attempt to its state; none when the run is to be tried again.
    async fn end(&mut self, attempt: Attempt) -> Result<Option<Settled>, Error> {
        let Ending { state, value, source } = match caught(self.judge(attempt)).await {
            Ok(ending) => ending,
            // The result's serialization or a predicate did.
            Err(panicked) => self.panicked(panicked),
        };
        let message = state.message.clone().unwrap_or_default();
        match self.propose(state).await? {
            Decision::Reject(waiting, _) if waiting.kind == StateType::Scheduled => {
                let message = message.trim_end_matches('.');
                let due = waiting.scheduled_time().unwrap_or(waiting.timestamp);
                let wait = (due - waiting.timestamp).as_seconds_f64();
                tracing::warn!(target: "flowcore::flow_run", "{message}; it is tried again in {wait:.1} s");
                self.again(due).await
            }
            Decision::Accept(state) | Decision::Reject(state, _) => {
                self.log_end(&state);
                self.hooks(hooks_of(&state), &state).await;
                Ok(Some(self.settle(state, value, source).await))
            }
            Decision::Stay(why) | Decision::Abort(why) => {
                // Somebody else has the run now, or it was ended from elsewhere: what stands there counts.
                tracing::warn!(target: "flowcore::flow_run", "The run's state was not accepted: {why}.");
                let state = self.run.state.clone();
                Ok(Some(self.settle(state, None, Some(Error::msg(why))).await))
            }
            Decision::Wait(due) => self.again(due).await,
        }
    }

    /// Waits until the run is due and lets it run again; a final state when it was cancelled meanwhile.
    async fn again(&mut self, due: Timestamp) -> Result<Option<Settled>, Error> {
        let clock = self.engine.0.clock.clone();
        if let Ok(wait) = (due - clock.now()).to_std() {
            self.flush_logs().await;
            until_either(clock.sleep(wait), &self.cancel).await;
        }
        if let Some(left) = self.left.take() {
            // Two attempts of one run must not run side by side.
            until_either(left.ended(), &self.cancel).await;
        }
        let next = if self.cancel.is_requested() { StateType::Cancelled } else { StateType::Running };
        match self.propose(self.engine.state(next)).await? {
            Decision::Accept(state) if state.kind == StateType::Running => Ok(None),
            Decision::Accept(state) => {
                self.log_end(&state);
                self.hooks(hooks_of(&state), &state).await;
                Ok(Some(self.settle(state, None, None).await))
            }
            _ => {
                let state = self.run.state.clone();
                Ok(Some(self.settle(state, None, None).await))
            }
        }
    }

    /// Proposes a state, which is what the run comes to. A store that fails is asked again for some time.
    async fn propose(&mut self, state: State) -> Result<Decision, Error> {
        let client = &self.engine.0.client;
        let decided = insist(&*self.engine.0.clock, || client.set_flow_run_state(&self.run, state.clone())).await;
        let RunDecision { run, decision } = match decided {
            Ok(decided) => decided,
            Err(error) => {
                let what = format!("it came to {}, which cannot be written", state.name);
                return Err(self.left_open(&what, error).into());
            }
        };
        self.run = run;
        // A write that seemed to fail may have been made all the same.
        Ok(if self.run.state.id == state.id { Decision::Accept(self.run.state.clone()) } else { decision })
    }

    async fn settle(&self, state: State, value: Option<Value>, source: Option<Error>) -> Settled {
        if let Some(parent) = &self.parent {
            parent.ended(self.run.id, &state);
        }
        self.flush_logs().await;
        let result = match value {
            Some(value) => Ok(value),
            None => Err(RunError::of_state(format!("flow run `{}`", self.run.name), state.clone(), source)),
        };
        Settled { state: Some(state), result }
    }
}

enum Begun {
    Running(Box<FlowExecution>),
    Ended(FlowRunId, Box<Settled>),
}

pub(crate) fn unorchestrated(name: &str, error: impl Into<Error>) -> Settled {
    Settled { state: None, result: Err(RunError::infrastructure(format!("flow `{name}`"), error)) }
}
