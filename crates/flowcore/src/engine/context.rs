//! Where code runs: the engine, the flow run and the task run around it, at hand anywhere below.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;

use super::cancel::Cancel;
use super::condition::Condition;
use super::core::{Engine, EngineError};
use super::flow_call::FlowCallParts;
use super::flow_engine::{FlowExecution, unorchestrated};
use super::journal::Entry;
use super::panics::caught;
use super::settled::Promise;
use super::slots::{Slots, Submitted};
use super::task_call::Call;
use super::task_engine::TaskExecution;
use super::upstream::upstream_settled;
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
    entry: Arc<Entry>,
    pub(crate) attempt: i32,
    /// How many task runs are around it.
    pub(crate) depth: usize,
    /// Asks the task run to end, and what is called in it.
    cancel: Cancel,
}

impl TaskScope {
    pub(crate) fn new(entry: Arc<Entry>, depth: usize, cancel: Cancel) -> Self {
        let (id, attempt) = entry.with(|run| (run.id, run.times.run_count));
        TaskScope { id, entry, attempt, depth, cancel }
    }

    pub(crate) fn name(&self) -> String {
        self.entry.with(|run| run.name.clone())
    }
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
    slots: Mutex<Vec<Slots>>,
    limit: usize,
    calls: Mutex<Calls>,
    children: Children,
}

/// What was called so far, and what is known from earlier attempts.
#[derive(Default)]
pub(crate) struct Calls {
    occurrences: HashMap<InputDigest, u32, BuildHasherDefault<DigestHasher>>,
    per_task: HashMap<&'static str, u32>,
    earlier: HashMap<String, TaskRun>,
}

/// Takes the first bytes of a digest as its hash: they are as good as random already.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
    ended: Condition,
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
    fn slots(&self, depth: usize) -> Slots {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        while slots.len() <= depth {
            slots.push(Slots::new(self.limit));
        }
        slots[depth].clone()
    }

    /// Waits until everything that was submitted has ended.
    pub(crate) async fn children_ended(&self) {
        let Children { running, ended } = &self.children;
        ended.met(|| (running.load(Ordering::Acquire) == 0).then_some(())).await;
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
    // Nearly always one digit, and writing to a text cannot fail.
    let _ = write!(key, "{nth}");
    key
}

/// A submitted run's place among its flow's children, given back when it ends.
pub(crate) struct Child(Arc<FlowScope>);

impl Child {
    fn new(flow: &Arc<FlowScope>) -> Self {
        flow.children.running.fetch_add(1, Ordering::AcqRel);
        Child(flow.clone())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0.children.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.children.ended.changed();
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

    /// Gives what asks the code to end: the task run's, or else the flow run's.
    pub(crate) fn cancel(&self) -> Option<&Cancel> {
        self.task().map(|task| &task.cancel).or_else(|| self.flow().map(|flow| &flow.cancel))
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
        let above = match &self.0 {
            // It outlives its flow, and ends only with everything else.
            Some(around) if call.detached => Some(&around.engine.0.cancel),
            _ => self.cancel(),
        };
        let promise = Promise::new(above.map_or_else(Cancel::new, Cancel::child));
        let scope = self.clone();
        let settled = promise.clone();
        match self.flow() {
            Some(flow) if !call.detached => {
                let slots = flow.slots(self.task().map_or(0, |task| task.depth));
                let submitted = Submitted { scope, call, promise: settled, child: Child::new(flow) };
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
                tokio::spawn(async move { settled.settle(TaskExecution::run(scope, call, Some(&settled)).await) });
            }
        }
        promise
    }

    /// Starts a flow beside the present code.
    pub(crate) fn submit_flow(&self, call: FlowCallParts) -> Promise {
        let promise = Promise::new(self.cancel().map_or_else(Cancel::new, Cancel::child));
        let child = self.flow().map(Child::new);
        let (scope, settled) = (self.clone(), promise.clone());
        tokio::spawn(async move {
            let name = call.definition.name();
            // The arguments' own code may panic.
            let ended = match caught(FlowExecution::run(scope, call, Some(&settled))).await {
                Ok(ended) => ended,
                Err(panicked) => unorchestrated(&name, panicked),
            };
            settled.settle(ended);
            drop(child);
        });
        promise
    }
}
