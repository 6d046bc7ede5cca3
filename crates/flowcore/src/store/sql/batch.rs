//! What has queued up for the writer, by kind, each with whoever waits for its answer.

use std::mem;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::model::{
    Artifact, ArtifactId, ArtifactSelector, ArtifactUpdate, Event, Flow, FlowId, FlowRun, FlowRunId, FlowRunInput,
    LogLine, ProcessId, ProcessLease, State, StateId, TaskRun, TaskRunId, TaskRunRecord, Timestamp, Variable,
};
use crate::store::records::Work;
use crate::store::{FlowRunEdit, Recorded, Replace, SlotDecision, StoreError, Swap};

/// One change and its answer, which is given when the batch is committed.
pub(super) struct Entry<C, A> {
    pub(super) change: C,
    pub(super) answer: Option<A>,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<C, A> Entry<C, A> {
    pub(super) fn new(change: C, reply: oneshot::Sender<Result<A, StoreError>>) -> Self {
        Entry { change, answer: None, reply }
    }

    /// Answers. Nobody may be waiting any more, which is no failure: the change was committed or refused all the same.
    fn finish(self, result: &Result<(), StoreError>) {
        let answer = match (result, self.answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            (Ok(()), None) => Err(StoreError::Other("the writer left a change out".to_owned())),
            (Err(error), _) => Err(error.clone()),
        };
        drop(self.reply.send(answer));
    }
}

/// Declares the batch with what must be done for every kind of change.
macro_rules! batch {
    ($($(#[$doc:meta])* $kind:ident: $change:ty => $answer:ty,)+) => {
        /// Changes that are written in one transaction, kind by kind in this order.
        #[derive(Default)]
        pub(super) struct Batch {
            $($(#[$doc])* pub(super) $kind: Vec<Entry<$change, $answer>>,)+
            /// How many changes there are.
            pub(super) changes: usize,
            /// How many rows they write, about.
            pub(super) rows: usize,
        }

        impl Batch {
            /// Counts the kinds of which there are changes.
            pub(super) fn kinds(&self) -> usize {
                0 $(+ usize::from(!self.$kind.is_empty()))+
            }

            /// Answers everybody.
            pub(super) fn finish(self, result: Result<(), StoreError>) {
                $(self.$kind.into_iter().for_each(|entry| entry.finish(&result));)+
            }

            /// Divides the batch into one for each change, so that each stands or falls by itself.
            pub(super) fn into_singles(mut self) -> Vec<Batch> {
                let mut singles = Vec::with_capacity(self.changes);
                $(for entry in mem::take(&mut self.$kind) {
                    let mut single = Batch { changes: 1, rows: self.rows, ..Batch::default() };
                    single.$kind.push(entry);
                    singles.push(single);
                })+
                singles
            }
        }
    };
}

batch! {
    flows: Flow => Flow,
    /// Each is judged by itself: one whose id is taken does not undo the others.
    inserts: (FlowRun, Vec<State>) => Result<(), StoreError>,
    records: Vec<TaskRunRecord> => Recorded,
    ends: (FlowRunId, i32, State, Timestamp) => u64,
    swaps: (FlowRun, StateId) => Swap,
    edits: (FlowRunId, FlowRunEdit) => Option<Box<FlowRun>>,
    observations: Vec<TaskRun> => (),
    task_run_swaps: (TaskRun, StateId) => Swap<TaskRun>,
    decisions: (Vec<String>, SlotDecision) => (),
    departures: Vec<ProcessId> => u64,
    logs: Vec<LogLine> => (),
    events: Vec<Event> => (),
    artifacts: Artifact => (),
    inputs: FlowRunInput => (),
    leases: ProcessLease => (),
    goodbyes: ProcessId => (),
    deletes: FlowRunId => bool,
    flow_deletes: FlowId => bool,
    task_run_deletes: TaskRunId => bool,
    /// Tells whether there may be more.
    purges: () => bool,
    artifact_updates: (ArtifactId, ArtifactUpdate, Timestamp) => Option<Artifact>,
    artifact_deletes: ArtifactSelector => u64,
    variables: (Variable, Option<Replace>) => Option<Variable>,
    unset_variables: String => bool,
    works: Arc<dyn Work> => (),
    clears: () => (),
    /// Nothing to write: tells that all before is written.
    flushes: () => (),
}
