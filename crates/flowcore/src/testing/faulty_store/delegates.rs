//! The methods of all traits of a store: each does what the store within does, unless something else is to happen.
//!
//! A new trait of the store needs a table here, a new method a line in its table.

use async_trait::async_trait;

use super::fault::{Access, Call};
use super::store::FaultyStore;
use crate::model::{
    Artifact, ArtifactFilter, ArtifactId, ArtifactSelector, ArtifactUpdate, ConcurrencyLimit, Event, EventFilter, Flow,
    FlowFilter, FlowRun, FlowRunFilter, FlowRunId, FlowRunInput, FlowRunInputFilter, LogFilter, LogLine, Occupancy,
    ProcessId, ProcessLease, State, StateCount, StateId, TaskRun, TaskRunFilter, TaskRunId, TaskRunRecord, Timestamp,
    Variable, VariableFilter,
};
use crate::store::{
    ArtifactStore, InputStore, LimitStore, Recorded, Replace, SlotDecision, Store, StoreError, Swap, VariableStore,
};

/// Writes the methods of a trait, and the list of them. An argument may be changed on its way (`= ..`), and something be done
/// instead of what the store within does (`-> .. = ..`).
macro_rules! delegate {
    ($CALLS:ident: $Trait:ident {
        $($access:ident fn $name:ident(
            $($argument:ident: $type:ty $(= $changed:expr)?),*
        ) -> $output:ty $(= $instead:expr)?;)+
    }) => {
        const $CALLS: &[Call] = &[$(Call { method: stringify!($name), access: Access::$access }),+];

        #[async_trait]
        impl $Trait for FaultyStore {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$output, StoreError> {
                let call = Call { method: stringify!($name), access: Access::$access };
                $($(let $argument = $changed;)?)*
                self.through(call, first!($($instead)?, self.inner.$name($($argument),*))).await
            })+
        }
    };
}

/// Takes the first of two expressions, if it is there.
macro_rules! first {
    (, $second:expr) => {
        $second
    };
    ($first:expr, $second:expr) => {
        $first
    };
}

/// Lists the methods of all traits.
pub(super) fn known_calls() -> impl Iterator<Item = &'static Call> {
    [STORE, ARTIFACTS, INPUTS, LIMITS, VARIABLES].into_iter().flatten()
}

delegate! {
    STORE: Store {
        Write fn upsert_flow(flow: Flow) -> Flow;
        Write fn insert_flow_run(run: FlowRun, states: Vec<State>) -> ();
        Write fn swap_flow_run(run: FlowRun, expected: StateId) -> Swap;
        Write fn record_task_runs(records: Vec<TaskRunRecord>) -> Recorded;
        Write fn delete_flow_run(id: FlowRunId) -> bool;
        Write fn append_logs(lines: Vec<LogLine>) -> ();
        Write fn append_events(events: Vec<Event>) -> ();
        Write fn put_process(lease: ProcessLease) -> ();
        Write fn remove_process(id: ProcessId) -> ();
        Read fn processes() -> Vec<ProcessLease>;
        Read fn active_flow_runs() -> Vec<FlowRun>;
        Read fn cancelling_flow_runs(process: ProcessId) -> Vec<FlowRunId>;
        Write fn end_task_runs(id: FlowRunId, attempt: i32, state: State, now: Timestamp) -> u64;
        Read fn flows(filter: &FlowFilter) -> Vec<Flow>;
        Read fn flow_run(id: FlowRunId) -> Option<FlowRun>;
        Read fn flow_runs(filter: &FlowRunFilter) -> Vec<FlowRun>;
        Read fn flow_run_states(id: FlowRunId) -> Vec<State>;
        Read fn task_runs(filter: &TaskRunFilter) -> Vec<TaskRun>;
        Read fn task_run_counts(id: FlowRunId) -> Vec<StateCount>;
        Read fn task_run_states(id: TaskRunId) -> Vec<State>;
        Read fn logs(filter: &LogFilter) -> Vec<LogLine>;
        Read fn events(filter: &EventFilter) -> Vec<Event>;
        // Left open, for those who look at it later.
        Write fn close() -> () = std::future::ready(Ok(()));
    }
}

delegate! {
    ARTIFACTS: ArtifactStore {
        Write fn put_artifact(artifact: Artifact) -> ();
        Write fn update_artifact(id: ArtifactId, update: ArtifactUpdate, now: Timestamp) -> Option<Artifact>;
        Write fn delete_artifacts(which: &ArtifactSelector) -> u64;
        Read fn artifacts(filter: &ArtifactFilter) -> Vec<Artifact>;
    }
}

delegate! {
    INPUTS: InputStore {
        Write fn append_flow_run_input(input: FlowRunInput) -> ();
        Read fn flow_run_inputs(filter: &FlowRunInputFilter) -> Vec<FlowRunInput>;
    }
}

delegate! {
    LIMITS: LimitStore {
        Read fn limits() -> Vec<ConcurrencyLimit>;
        Read fn occupancy(names: &[String]) -> Occupancy;
        Write fn decide_slots(names: Vec<String>, decision: SlotDecision = twice(decision)) -> ();
        Write fn remove_slots_of(processes: &[ProcessId]) -> u64;
    }
}

delegate! {
    VARIABLES: VariableStore {
        Write fn put_variable(variable: Variable, replace: Option<Replace>) -> Option<Variable>;
        Write fn delete_variable(name: &str) -> bool;
        Read fn variables(filter: &VariableFilter) -> Vec<Variable>;
    }
}

/// Makes a decision twice, as when a transaction has to be repeated: what counts is what is decided last.
fn twice(decision: SlotDecision) -> SlotDecision {
    SlotDecision::new(move |occupancy| {
        decision.make(&mut occupancy.clone());
        decision.make(occupancy);
    })
}
