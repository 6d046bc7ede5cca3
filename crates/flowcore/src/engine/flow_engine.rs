//! One flow run, from call to final state.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::attempt::{Attempt, until_either};
use super::blocking::Left;
use super::cancel::Cancel;
use super::claim::{Claim, claim};
use super::context::{FlowScope, NewFlowScope, Scope};
use super::core::Engine;
use super::counted::Counted;
use super::error::{Error, RunError};
use super::executing::Place;
use super::flow_call::FlowCallParts;
use super::flow_end::Ended;
use super::insist::insist;
use super::new_run::new_run;
use super::panics::{CatchPanics, Panicked};
use super::program;
use super::settled::{Promise, Settled};
use super::spans::{Above, RunSpan};
use super::subflow::Parent;
use super::tags::Tags;
use super::upstream::wait_for;
use crate::client::ClientError;
use crate::model::{FlowRun, FlowRunId, Page, StateType, TaskInput, TaskInputs, TaskRunFilter};
use crate::orchestration::Executor;

/// One flow run under way.
pub(crate) struct FlowExecution {
    pub(super) engine: Engine,
    pub(super) call: FlowCallParts,
    pub(super) arguments: Map<String, Json>,
    /// Asks this run to end: made with the engine's, the parent's, and when the call's future is dropped.
    pub(super) cancel: Cancel,
    pub(super) run: FlowRun,
    /// What an earlier attempt has left behind and may still go on.
    pub(super) left: Option<Left>,
    /// All threads of plain functions in the run.
    pub(super) threads: Counted,
    pub(super) parent: Option<Arc<Parent>>,
    /// The tags around the call, for all runs below.
    tags: Tags,
    pub(super) span: RunSpan,
    /// Where requests from outside reach the run.
    _place: Place,
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
        let counted = engine.0.runs.one();
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
        // Whatever becomes of the call, the flow around it does not end before the subflow has.
        let child = scope.flow().map(|flow| flow.children.one());
        let above = Above::of(&scope);
        let running = Self::orchestrate(engine, scope, above, call, upstream.edges, cancel, promise.cloned());
        // On a task of its own: the run comes to a final state even if nobody waits for it any more.
        let mut running = tokio::spawn(async move {
            let settled = running.await;
            drop((child, counted));
            settled
        });
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
        above: Above,
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
        let settled =
            match Self::begin(engine.clone(), call, cancel, parent.clone(), scope.tags().clone(), &above).await {
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
        tags: Tags,
        above: &Above,
    ) -> Result<Begun, Error> {
        let options = call.options();
        let arguments = call.job.arguments(call.definition.site.parameters);
        let process_id = engine.0.process.id().await?;
        let executor = Executor { process_id, program: program::current() };
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
                let new = new_run(&engine, &call, &arguments, parent.as_deref(), &tags, executor)?;
                engine.0.client.create_flow_run(new).await?
            }
        };
        if let Some(parent) = &parent {
            parent.running(run.id);
        }
        let place = engine.0.executing.enter(process_id, run.id, cancel.clone());
        let (threads, span) = (Counted::default(), RunSpan::of_flow_run(above, &run));
        let execution = FlowExecution {
            engine,
            call,
            arguments,
            cancel,
            run,
            left: None,
            threads,
            parent,
            tags,
            span,
            _place: place,
        };
        Ok(Begun::Running(Box::new(execution)))
    }

    async fn execute(mut self) -> Settled {
        loop {
            let flow = match self.scope().await {
                Ok(flow) => Arc::new(flow),
                Err(error) => {
                    return unorchestrated(&self.run.name, self.left_open("its task runs cannot be read", error));
                }
            };
            let scope = Scope::new(self.engine.clone(), Some(flow.clone()), None).tagged(self.tags.clone());
            self.engine.0.journal.fence(self.run.id, flow.attempt, flow.cancel.clone());
            let running = self.run.state.clone();
            scope.clone().enter(|| self.log_begin());
            let above = self.span.above();
            let attempt = scope.clone().surround(async {
                self.hooks(|options| &options.common.on_running, &running).await;
                self.attempt(&flow).await
            });
            let attempt = above.surround(attempt).await;
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
            self.end_what_was_left().await?;
            let filter =
                TaskRunFilter { flow_run_ids: Some(vec![self.run.id]), page: Page::ALL, ..TaskRunFilter::default() };
            insist(&*self.engine.0.clock, || self.engine.0.client.task_runs(&filter)).await?
        } else {
            Vec::new()
        };
        Ok(FlowScope::new(NewFlowScope {
            id: self.run.id,
            name: self.run.name.clone(),
            flow_id: self.run.flow_id,
            flow_name: self.run.flow_name.clone(),
            tags: self.run.tags.clone(),
            parameters: self.run.parameters.clone(),
            attempt: self.run.times.run_count,
            cancel: self.cancel.child(),
            limit: self.call.options().task_limit.unwrap_or(self.engine.0.limits.tasks),
            runner: self.call.options().task_runner.clone(),
            threads: self.threads.clone(),
            span: self.span.clone(),
            earlier,
        }))
    }

    /// Ends the task runs that earlier attempts have left open: what those still record is refused from now on. The last
    /// records of a process that was taken for dead may have come in after its run was marked.
    async fn end_what_was_left(&self) -> Result<(), ClientError> {
        const WHY: &str = "A newer attempt of the flow run has begun.";
        let engine = &self.engine.0;
        let left = self.engine.state(StateType::Crashed).message(WHY);
        insist(&*engine.clock, || engine.client.end_task_runs(self.run.id, self.run.times.run_count - 1, left.clone()))
            .await?;
        Ok(())
    }

    /// Runs the body once, and lets what it has submitted come to an end.
    async fn attempt(&mut self, flow: &Arc<FlowScope>) -> Result<Ended, Error> {
        let attempts = u32::try_from(self.run.times.run_count - self.run.run_count_at_start).unwrap_or(1);
        let last = attempts > self.call.options().common.retries;
        let timeout = self.call.options().common.timeout;
        let clock = self.engine.0.clock.clone();
        let job = &mut self.call.job;
        let body = async {
            let ran = match Panicked::catch(|| job.invoke(last)) {
                Ok(body) => CatchPanics(body).await,
                Err(panicked) => Err(panicked),
            };
            // What was submitted belongs to the run: after a success it is waited for.
            if let Ok(Ok(_)) = &ran {
                flow.children.none().await;
            }
            ran
        };
        // The body is gone behind this: what it has called has returned or was dropped.
        let mut ended = {
            let body = std::pin::pin!(body);
            tokio::select! {
                biased;
                attempt = Attempt::of(body, timeout, &flow.cancel, &*clock) => Ended::Attempt(attempt),
                state = flow.pauses.suspended() => Ended::Suspended(state),
            }
        };
        // The end is judged from RUNNING: retries begin there.
        flow.pauses.left().await;
        if let Ended::Suspended(_) = &ended {
            until_either(flow.children.none(), &flow.cancel).await;
            if flow.cancel.is_requested() {
                ended = Ended::Attempt(Attempt::Cancelled);
            }
        }
        // After anything but a success what was submitted is asked to end.
        if !matches!(ended, Ended::Attempt(Attempt::Value(_))) {
            flow.cancel.cancel();
            flow.children.none().await;
        }
        if let Ended::Attempt(Attempt::Cancelled) = &ended
            && !self.threads.is_none()
        {
            // Cancelled says that nothing runs any more. A failure does not wait: a thread that hangs would take the
            // flow with it.
            let waits = "The flow was asked to end, and waits for its plain functions to return.";
            let cancelling = self.engine.state(StateType::Cancelling).message(waits);
            self.write(cancelling).await?;
            self.threads.none().await;
        }
        // What was told of the run is there when its end is.
        self.flush_told().await;
        match insist(&*clock, || self.engine.0.journal.commit()).await {
            Ok(()) => Ok(ended),
            Err(error) => {
                Err(self.left_open("its function has ended, but its task runs cannot be written", error).into())
            }
        }
    }
}

enum Begun {
    Running(Box<FlowExecution>),
    Ended(FlowRunId, Box<Settled>),
}

pub(crate) fn unorchestrated(name: &str, error: impl Into<Error>) -> Settled {
    Settled { state: None, result: Err(RunError::infrastructure(format!("flow `{name}`"), error)) }
}
