//! Where code runs: the engine, the flow run and the task run around it, at hand anywhere below.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::asset::HandedOn;
use super::blocking::Left;
use super::calls::{Calls, Occurrence};
use super::cancel::Cancel;
use super::core::{Engine, EngineError};
use super::counted::Counted;
use super::flow_call::FlowCallParts;
use super::flow_engine::{FlowExecution, unorchestrated};
use super::messages::ReceivedInputs;
use super::panics::caught;
use super::pause::Pauses;
use super::runner::TaskRunner;
use super::settled::Promise;
use super::slots::{Slots, Submitted};
use super::spans::RunSpan;
use super::tags::Tags;
use super::task_call::Call;
use super::task_engine::TaskExecution;
use super::task_scope::TaskScope;
use super::transaction::Transaction;
use super::upstream::upstream_settled;
use crate::model::{FlowId, FlowRunId, InputDigest, TaskRun};

tokio::task_local! {
    static SCOPE: Scope;
}

/// What surrounds the code that runs. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    around: Option<Arc<Around>>,
    /// What runs that are made here get.
    tags: Tags,
}

pub(crate) struct Around {
    pub(crate) engine: Engine,
    pub(crate) flow: Option<Arc<FlowScope>>,
    pub(crate) task: Option<TaskScope>,
    /// The innermost transaction.
    pub(crate) transaction: Option<Transaction>,
    /// Asks the block of the transaction to end, where the code is in the block itself and not in a task below.
    block: Option<Cancel>,
    /// What goes on although its attempt has ended.
    left: Mutex<Left>,
}

impl Around {
    /// Gives what asks the code to end: the transaction's, the task run's, or else the flow run's.
    pub(crate) fn cancel(&self) -> Option<&Cancel> {
        let run = || self.task.as_ref().map(TaskScope::cancel).or_else(|| self.flow.as_ref().map(|flow| &flow.cancel));
        self.block.as_ref().or_else(run)
    }
}

/// The flow run around the code: what its tasks share.
pub(crate) struct FlowScope {
    pub(crate) id: FlowRunId,
    pub(crate) name: String,
    pub(crate) flow_id: FlowId,
    pub(crate) flow_name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Box<RawValue>,
    /// The run's `run_count`: what its tasks' records carry.
    pub(crate) attempt: i32,
    pub(crate) cancel: Cancel,
    /// How many submitted tasks may run at once, at each depth of nesting. A limit a depth cannot deadlock: a task waits
    /// only for tasks below it.
    slots: Mutex<Vec<Slots>>,
    pub(crate) limit: usize,
    /// Where submitted tasks run that have no runner of their own.
    pub(crate) runner: Option<TaskRunner>,
    calls: Mutex<Calls>,
    /// What was submitted, and subflows.
    pub(crate) children: Counted,
    /// Threads of plain functions, of earlier attempts too.
    pub(crate) threads: Counted,
    pub(crate) pauses: Pauses,
    pub(crate) received: ReceivedInputs,
    pub(crate) assets: HandedOn,
    #[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "only spans have parents"))]
    pub(crate) span: RunSpan,
}

pub(crate) struct NewFlowScope {
    pub(crate) id: FlowRunId,
    pub(crate) name: String,
    pub(crate) flow_id: FlowId,
    pub(crate) flow_name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Box<RawValue>,
    pub(crate) attempt: i32,
    pub(crate) cancel: Cancel,
    pub(crate) limit: usize,
    pub(crate) runner: Option<TaskRunner>,
    pub(crate) threads: Counted,
    pub(crate) span: RunSpan,
    pub(crate) earlier: Vec<TaskRun>,
}

impl FlowScope {
    pub(crate) fn new(new: NewFlowScope) -> Self {
        FlowScope {
            id: new.id,
            name: new.name,
            flow_id: new.flow_id,
            flow_name: new.flow_name,
            tags: new.tags,
            parameters: new.parameters,
            attempt: new.attempt,
            cancel: new.cancel,
            slots: Mutex::default(),
            limit: new.limit.max(1),
            runner: new.runner,
            received: ReceivedInputs::behind(&new.earlier),
            calls: Mutex::new(Calls::behind(new.earlier)),
            children: Counted::default(),
            threads: new.threads,
            pauses: Pauses::default(),
            assets: HandedOn::default(),
            span: new.span,
        }
    }

    /// Counts a call of a task, as [`Calls::occur`].
    pub(crate) fn occur(
        &self,
        task: &'static str,
        digest: Option<InputDigest>,
        known: impl Fn() -> Option<InputDigest>,
    ) -> Occurrence {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).occur(task, digest, known)
    }

    /// Gives the slots for submitted tasks at this depth.
    fn slots(&self, depth: usize) -> Slots {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        while slots.len() <= depth {
            slots.push(Slots::new(self.limit));
        }
        slots[depth].clone()
    }
}

impl Scope {
    pub(crate) fn new(engine: Engine, flow: Option<Arc<FlowScope>>, task: Option<TaskScope>) -> Self {
        Self::around(engine, flow, task, None, None, Tags::default())
    }

    fn around(
        engine: Engine,
        flow: Option<Arc<FlowScope>>,
        task: Option<TaskScope>,
        transaction: Option<Transaction>,
        block: Option<Cancel>,
        tags: Tags,
    ) -> Self {
        let around = Around { engine, flow, task, transaction, block, left: Mutex::default() };
        Scope { around: Some(Arc::new(around)), tags }
    }

    /// Makes what surrounds a task run's body here.
    pub(crate) fn with_task(&self, engine: Engine, task: TaskScope) -> Self {
        Self::around(engine, self.flow().cloned(), Some(task), self.transaction().cloned(), None, self.tags.clone())
    }

    /// Makes what surrounds a transaction's block here.
    pub(crate) fn with_transaction(&self, engine: Engine, transaction: Transaction, block: Cancel) -> Self {
        let task = self.task().map(TaskScope::again);
        Self::around(engine, self.flow().cloned(), task, Some(transaction), Some(block), self.tags.clone())
    }

    /// Makes the same without a transaction.
    fn without_transaction(&self) -> Self {
        match &self.around {
            Some(around) if around.transaction.is_some() => {
                let (task, block) = (around.task.as_ref().map(TaskScope::again), around.block.clone());
                Self::around(around.engine.clone(), around.flow.clone(), task, None, block, self.tags.clone())
            }
            _ => self.clone(),
        }
    }

    /// Makes the same with tags for the runs that are made here.
    pub(crate) fn tagged(&self, tags: Tags) -> Self {
        Scope { around: self.around.clone(), tags }
    }

    /// Gives the tags for the runs that are made here.
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Gives what surrounds the present code.
    pub(crate) fn current() -> Self {
        SCOPE.try_with(Scope::clone).unwrap_or_default()
    }

    /// Looks at what surrounds the present code.
    pub(crate) fn peek<T>(look: impl FnOnce(&Around) -> T) -> Option<T> {
        SCOPE.try_with(|scope| scope.around.as_deref().map(look)).ok().flatten()
    }

    /// Tells whether anything surrounds the code: a flow or a task.
    pub(crate) fn is_inside(&self) -> bool {
        self.around.is_some()
    }

    pub(crate) fn flow(&self) -> Option<&Arc<FlowScope>> {
        self.around.as_ref().and_then(|around| around.flow.as_ref())
    }

    pub(crate) fn task(&self) -> Option<&TaskScope> {
        self.around.as_ref().and_then(|around| around.task.as_ref())
    }

    /// Gives the span of the run around the code.
    #[cfg(feature = "otel")]
    pub(crate) fn span(&self) -> Option<&RunSpan> {
        self.task().map(|task| &task.span).or_else(|| self.flow().map(|flow| &flow.span))
    }

    pub(crate) fn transaction(&self) -> Option<&Transaction> {
        self.around.as_ref().and_then(|around| around.transaction.as_ref())
    }

    /// Tells whether the code is in the block of this transaction, and not in a task below.
    pub(crate) fn is_block_of(&self, transaction: &Transaction) -> bool {
        let block = self.around.as_ref().is_some_and(|around| around.block.is_some());
        block && self.transaction().is_some_and(|around| around.is(transaction))
    }

    /// Gives what asks the code to end.
    pub(crate) fn cancel(&self) -> Option<&Cancel> {
        self.around.as_ref().and_then(|around| around.cancel())
    }

    /// Leaves something behind, which goes on until the sender is dropped.
    pub(crate) fn leave(&self, ended: oneshot::Receiver<()>) {
        if let Some(around) = &self.around {
            around.left.lock().unwrap_or_else(PoisonError::into_inner).add(ended);
        }
    }

    /// Takes what was left behind.
    pub(crate) fn take_left(&self) -> Option<Left> {
        let around = self.around.as_ref()?;
        let left = std::mem::take(&mut *around.left.lock().unwrap_or_else(PoisonError::into_inner));
        (!left.is_empty()).then_some(left)
    }

    pub(crate) async fn engine(&self) -> Result<Engine, EngineError> {
        match &self.around {
            Some(around) => Ok(around.engine.clone()),
            None => Engine::default().await,
        }
    }

    /// Runs a future with this around it.
    pub(crate) fn surround<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        SCOPE.scope(self, future)
    }

    /// Calls a function with this around it.
    pub(crate) fn enter<T>(self, function: impl FnOnce() -> T) -> T {
        SCOPE.sync_scope(self, function)
    }

    /// Starts a task beside the present code.
    pub(crate) fn submit(&self, call: Call) -> Promise {
        let above = match &self.around {
            // It outlives its flow, and ends only with everything else.
            Some(around) if call.detached => Some(&around.engine.0.cancel),
            _ => self.cancel(),
        };
        let promise = Promise::new(above.map_or_else(Cancel::new, Cancel::child));
        let scope = if call.detached { self.without_transaction() } else { self.clone() };
        let inside = scope.transaction().map(|transaction| transaction.submitted(&promise));
        let settled = promise.clone();
        match self.flow() {
            Some(flow) if !call.detached => {
                let slots = flow.slots(self.task().map_or(0, |task| task.depth));
                let submitted = Submitted { scope, call, promise: settled, child: flow.children.one(), inside };
                if submitted.call.is_ready() {
                    slots.submit(submitted);
                } else {
                    // What waits for other runs holds no slot meanwhile.
                    tokio::spawn(async move {
                        upstream_settled(&submitted.call, submitted.promise.cancel_request()).await;
                        slots.submit(submitted);
                    });
                }
            }
            _ => {
                tokio::spawn(async move {
                    settled.settle(TaskExecution::run(scope, call, Some(&settled)).await);
                    drop(inside);
                });
            }
        }
        promise
    }

    /// Starts a flow beside the present code.
    pub(crate) fn submit_flow(&self, call: FlowCallParts) -> Promise {
        let promise = Promise::new(self.cancel().map_or_else(Cancel::new, Cancel::child));
        let child = self.flow().map(|flow| flow.children.one());
        let inside = self.transaction().map(|transaction| transaction.submitted(&promise));
        // Counted before it begins: whoever shuts the engine down after this call waits for it.
        let around = || self.around.as_ref().map(|around| around.engine.clone());
        let engine = call.engine.clone().or_else(around).or_else(Engine::made);
        let counted = engine.map(|engine| engine.0.runs.one());
        let (scope, settled) = (self.clone(), promise.clone());
        tokio::spawn(async move {
            let name = call.name();
            // The arguments' own code may panic.
            let ended = match caught(FlowExecution::run(scope, call, Some(&settled))).await {
                Ok(ended) => ended,
                Err(panicked) => unorchestrated(&name, panicked),
            };
            settled.settle(ended);
            drop((inside, child, counted));
        });
        promise
    }
}
