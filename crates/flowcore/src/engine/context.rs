//! Where code runs: the engine, the flow run and the task run around it, at hand anywhere below.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::{Notify, Semaphore};

use super::cancel::Cancel;
use super::core::{Engine, EngineError};
use super::flow_call::FlowCallParts;
use super::flow_engine::FlowExecution;
use super::settled::Promise;
use super::task_call::Call;
use super::task_engine::TaskExecution;
use crate::model::{FlowRunId, InputDigest, TaskRun, TaskRunId};

tokio::task_local! {
    static SCOPE: Scope;
}

/// What surrounds the code that runs. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Scope(Option<Arc<Around>>);

pub(crate) struct Around {
    pub(crate) engine: Engine,
    pub(crate) flow: Option<Arc<FlowScope>>,
    pub(crate) task: Option<TaskScope>,
}

/// The task run around the code.
pub(crate) struct TaskScope {
    pub(crate) id: TaskRunId,
    pub(crate) name: String,
    pub(crate) attempt: i32,
    /// How many task runs are around it.
    pub(crate) depth: usize,
}

/// The flow run around the code: what its tasks share.
pub(crate) struct FlowScope {
    pub(crate) id: FlowRunId,
    pub(crate) name: String,
    pub(crate) flow_name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Box<RawValue>,
    /// The run's `run_count`: what its tasks' records carry.
    pub(crate) attempt: i32,
    pub(crate) cancel: Cancel,
    /// How many submitted tasks may run at once, at each depth of nesting. A limit a depth cannot deadlock: a task waits
    /// only for tasks below it.
    slots: Mutex<Vec<Arc<Semaphore>>>,
    limit: usize,
    calls: Mutex<Calls>,
    children: Children,
}

/// What was called so far, and what is known from earlier attempts.
#[derive(Default)]
pub(crate) struct Calls {
    occurrences: HashMap<InputDigest, u32>,
    per_task: HashMap<&'static str, u32>,
    earlier: HashMap<String, TaskRun>,
}

/// Which call of which task one is.
pub(crate) struct Occurrence {
    /// Which call with these inputs: the dynamic key.
    pub(crate) dynamic_key: String,
    /// Which call of this task, counted over all inputs.
    pub(crate) number: u32,
    /// The run of this call in an earlier attempt.
    pub(crate) earlier: Option<TaskRun>,
}

/// Counts what was submitted and has not ended.
#[derive(Default)]
struct Children {
    running: AtomicUsize,
    ended: Notify,
}

pub(crate) struct NewFlowScope {
    pub(crate) id: FlowRunId,
    pub(crate) name: String,
    pub(crate) flow_name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Box<RawValue>,
    pub(crate) attempt: i32,
    pub(crate) cancel: Cancel,
    pub(crate) limit: usize,
    pub(crate) earlier: Vec<TaskRun>,
}

impl FlowScope {
    pub(crate) fn new(new: NewFlowScope) -> Self {
        let earlier = new.earlier.into_iter().map(|run| (run.dynamic_key.clone(), run)).collect();
        FlowScope {
            id: new.id,
            name: new.name,
            flow_name: new.flow_name,
            tags: new.tags,
            parameters: new.parameters,
            attempt: new.attempt,
            cancel: new.cancel,
            slots: Mutex::default(),
            limit: new.limit.max(1),
            calls: Mutex::new(Calls { earlier, ..Calls::default() }),
            children: Children::default(),
        }
    }

    /// Counts a call of a task with these inputs.
    pub(crate) fn occur(&self, task: &'static str, digest: InputDigest) -> Occurrence {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = calls.occurrences.entry(digest).or_insert(0);
        let dynamic_key = dynamic_key(digest, *nth);
        *nth += 1;
        let number = calls.per_task.entry(task).or_insert(0);
        let this = *number;
        *number += 1;
        let earlier = if calls.earlier.is_empty() { None } else { calls.earlier.remove(&dynamic_key) };
        Occurrence { dynamic_key, number: this, earlier }
    }

    /// Gives the slots for submitted tasks at this depth.
    pub(crate) fn slots(&self, depth: usize) -> Arc<Semaphore> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        while slots.len() <= depth {
            slots.push(Arc::new(Semaphore::new(self.limit.min(Semaphore::MAX_PERMITS))));
        }
        slots[depth].clone()
    }

    /// Waits until everything that was submitted has ended.
    pub(crate) async fn children_ended(&self) {
        loop {
            let mut ended = std::pin::pin!(self.children.ended.notified());
            ended.as_mut().enable();
            if self.children.running.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Writes which call with these inputs one is: 24 hexadecimal digits of the inputs' digest and a number.
fn dynamic_key(digest: InputDigest, nth: u32) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut key = String::with_capacity(28);
    for byte in &digest.0[..12] {
        key.push(char::from(DIGITS[usize::from(byte >> 4)]));
        key.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    key.push('-');
    key.push_str(&nth.to_string());
    key
}

/// A submitted run's place among its flow's children, given back when it ends.
struct Child(Arc<FlowScope>);

impl Child {
    fn new(flow: &Arc<FlowScope>) -> Self {
        flow.children.running.fetch_add(1, Ordering::AcqRel);
        Child(flow.clone())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0.children.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.children.ended.notify_waiters();
        }
    }
}

impl Scope {
    pub(crate) fn new(engine: Engine, flow: Option<Arc<FlowScope>>, task: Option<TaskScope>) -> Self {
        Scope(Some(Arc::new(Around { engine, flow, task })))
    }

    /// Gives what surrounds the present code.
    pub(crate) fn current() -> Self {
        SCOPE.try_with(Scope::clone).unwrap_or_default()
    }

    /// Looks at what surrounds the present code.
    pub(crate) fn peek<T>(look: impl FnOnce(&Around) -> T) -> Option<T> {
        SCOPE.try_with(|scope| scope.0.as_deref().map(look)).ok().flatten()
    }

    pub(crate) fn flow(&self) -> Option<&Arc<FlowScope>> {
        self.0.as_ref().and_then(|around| around.flow.as_ref())
    }

    pub(crate) fn task(&self) -> Option<&TaskScope> {
        self.0.as_ref().and_then(|around| around.task.as_ref())
    }

    pub(crate) async fn engine(&self) -> Result<Engine, EngineError> {
        match &self.0 {
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
        let cancel = self.flow().map_or_else(Cancel::new, |flow| flow.cancel.child());
        let promise = Promise::new(cancel);
        let child = self.flow().filter(|_| !call.detached).map(Child::new);
        let (scope, settled) = (self.clone(), promise.clone());
        tokio::spawn(async move {
            settled.settle(TaskExecution::run(scope, call, Some(&settled)).await);
            drop(child);
        });
        promise
    }

    /// Starts a flow beside the present code.
    pub(crate) fn submit_flow(&self, call: FlowCallParts) -> Promise {
        let cancel = self.flow().map_or_else(Cancel::new, |flow| flow.cancel.child());
        let promise = Promise::new(cancel);
        let child = self.flow().map(Child::new);
        let (scope, settled) = (self.clone(), promise.clone());
        tokio::spawn(async move {
            settled.settle(FlowExecution::run(scope, call, Some(&settled)).await);
            drop(child);
        });
        promise
    }
}
