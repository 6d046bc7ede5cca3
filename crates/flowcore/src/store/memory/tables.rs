//! The rows, and every change of them.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::{
    Artifact, ArtifactId, Event, Flow, FlowRun, FlowRunId, FlowRunInput, InputId, LogId, LogLine, ProcessId,
    ProcessLease, State, StateId, TaskRun, TaskRunId, TaskRunRecord, Timestamp,
};
use crate::store::journal::{end, is_open, new_states};
use crate::store::{Recorded, StoreError, Swap};

use super::limits::LimitTables;
use super::variables::VariableTable;

/// A flow run with what belongs to it.
pub(super) struct FlowRunRow {
    pub(super) run: FlowRun,
    pub(super) states: Vec<State>,
    /// The task runs, in the order of their first records.
    pub(super) task_runs: Vec<TaskRunId>,
}

/// All rows of a store.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) flows: BTreeMap<String, Flow>,
    pub(super) flow_runs: BTreeMap<FlowRunId, FlowRunRow>,
    /// A record whose `states` are the whole history. Boxed: rows move within the tree as it grows.
    pub(super) task_runs: BTreeMap<TaskRunId, Box<TaskRunRecord>>,
    pub(super) logs: BTreeMap<(Timestamp, LogId), LogLine>,
    pub(super) events: BTreeMap<Uuid, Event>,
    pub(super) artifacts: BTreeMap<ArtifactId, Artifact>,
    pub(super) inputs: BTreeMap<InputId, FlowRunInput>,
    pub(super) processes: BTreeMap<ProcessId, ProcessLease>,
    pub(super) limits: LimitTables,
    pub(super) variables: VariableTable,
}

impl Tables {
    pub(super) fn upsert_flow(&mut self, flow: Flow) -> Flow {
        let known = self.flows.entry(flow.name.clone()).or_insert_with(|| flow.clone());
        if known.tags != flow.tags {
            (known.tags, known.updated) = (flow.tags, flow.updated);
        }
        known.clone()
    }

    pub(super) fn insert_flow_run(&mut self, run: FlowRun, states: Vec<State>) -> Result<(), StoreError> {
        let key = &run.origin.idempotency_key;
        let same = |row: &FlowRunRow| row.run.flow_id == run.flow_id && row.run.origin.idempotency_key == *key;
        if self.flow_runs.contains_key(&run.id) || (key.is_some() && self.flow_runs.values().any(same)) {
            return Err(StoreError::Exists(format!("flow run {}", run.id)));
        }
        self.flow_runs.insert(run.id, FlowRunRow { run, states, task_runs: Vec::new() });
        Ok(())
    }

    pub(super) fn swap_flow_run(&mut self, run: FlowRun, expected: StateId) -> Swap {
        let Some(row) = self.flow_runs.get_mut(&run.id) else { return Swap::Missing };
        if row.run.state.id != expected {
            return Swap::Conflict(Box::new(row.run.clone()));
        }
        row.states.push(run.state.clone());
        row.run = FlowRun {
            empirical_policy: run.empirical_policy,
            run_count_at_start: run.run_count_at_start,
            state: run.state,
            times: run.times,
            process_id: run.process_id,
            program: run.program,
            pauses: run.pauses,
            updated: run.updated,
            ..row.run.clone()
        };
        Swap::Applied
    }

    pub(super) fn record_task_runs(&mut self, records: Vec<TaskRunRecord>) -> Recorded {
        let mut recorded = Recorded::default();
        for record in records {
            if let Some(id) = record.run.flow_run_id
                && self.flow_runs.get(&id).is_none_or(|row| row.run.times.run_count != record.run.attempt)
            {
                if !recorded.refused.contains(&(id, record.run.attempt)) {
                    recorded.refused.push((id, record.run.attempt));
                }
                continue;
            }
            self.record_task_run(record);
        }
        recorded
    }

    fn record_task_run(&mut self, record: TaskRunRecord) {
        let id = record.run.id;
        if let Some(row) = self.task_runs.get_mut(&id) {
            if record.history_len > row.history_len {
                row.states.extend_from_slice(new_states(&record, row.history_len));
                row.history_len = record.history_len;
                let flow_run_id = row.run.flow_run_id;
                row.run = TaskRun { flow_run_id, ..record.run };
            }
            return;
        }
        if let Some(row) = record.run.flow_run_id.and_then(|id| self.flow_runs.get_mut(&id)) {
            row.task_runs.push(id);
        }
        self.task_runs.insert(id, Box::new(record));
    }

    pub(super) fn end_task_runs(&mut self, id: FlowRunId, attempt: i32, state: &State, now: Timestamp) -> u64 {
        let Some(row) = self.flow_runs.get(&id) else { return 0 };
        let mut ended = 0;
        for id in &row.task_runs {
            if let Some(row) = self.task_runs.get_mut(id)
                && row.run.attempt <= attempt
                && is_open(&row.run.state)
            {
                end(&mut row.run, state, now);
                row.states.push(row.run.state.clone());
                row.history_len += 1;
                ended += 1;
            }
        }
        ended
    }

    pub(super) fn delete_flow_run(&mut self, id: FlowRunId) -> bool {
        // Also when there is no run: lines and artifacts may have come in after it was deleted.
        self.logs.retain(|_, line| line.flow_run_id != Some(id));
        self.artifacts.retain(|_, artifact| artifact.flow_run_id != Some(id));
        self.inputs.retain(|_, input| input.flow_run_id != id);
        let Some(row) = self.flow_runs.remove(&id) else { return false };
        for id in &row.task_runs {
            self.task_runs.remove(id);
        }
        true
    }

    pub(super) fn append_logs(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            self.logs.entry((line.timestamp, line.id)).or_insert(line);
        }
    }

    pub(super) fn append_events(&mut self, events: Vec<Event>) {
        for event in events {
            self.events.entry(event.id).or_insert(event);
        }
    }
}
