//! The tables `flow_runs` and `flow_run_states`.

use serde_json::value::RawValue;

use crate::model::{FlowId, FlowRun, FlowRunId, ProcessId, RunTimes, State, StateId, TaskRunId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, int32, json, micros, time};

/// The columns that [`flow_run`] reads.
pub(in crate::store::sql) const FLOW_RUN_COLUMNS: &str = "id, flow_id, flow_name, name, tags, parameters, flow_version, \
     parent_task_run_id, empirical_policy, run_count_at_start, run_count, expected_start_time, \
     next_scheduled_start_time, start_time, end_time, total_run_time, process_id, program, labels, created, updated, \
     state, origin, pauses";

/// How many columns these are.
pub(in crate::store::sql) const FLOW_RUN_COLUMNS_READ: usize = 24;

/// Keeps new flow runs and returns the ids of those that were not there yet.
pub(in crate::store::sql) static INSERT_FLOW_RUNS: Template = Template::new(
    "INSERT INTO flow_runs (id, created, history_len, flow_id, flow_name, parent_task_run_id, name, tags, parameters, \
     flow_version, labels, origin, deployment_id, work_queue_id, work_queue_name, idempotency_key, created_by_id, \
     created_by_type, empirical_policy, pauses, run_count_at_start, run_count, expected_start_time, \
     next_scheduled_start_time, start_time, end_time, total_run_time, process_id, program, updated, state_id, \
     state_type, state_name, state) VALUES ",
    34,
    " ON CONFLICT DO NOTHING RETURNING id",
);

/// Replaces what orchestration decides of flow runs whose state is the expected one, and returns their ids.
pub(in crate::store::sql) static SWAP_FLOW_RUNS: Template = Template::new(
    "WITH v (id, expected, empirical_policy, pauses, run_count_at_start, run_count, expected_start_time, \
     next_scheduled_start_time, start_time, end_time, total_run_time, process_id, program, updated, state_id, \
     state_type, state_name, state) AS (VALUES ",
    18,
    ") UPDATE flow_runs SET empirical_policy = v.empirical_policy, pauses = v.pauses, run_count_at_start = v.run_count_at_start, \
     run_count = v.run_count, expected_start_time = v.expected_start_time, \
     next_scheduled_start_time = v.next_scheduled_start_time, start_time = v.start_time, end_time = v.end_time, \
     total_run_time = v.total_run_time, process_id = v.process_id, program = v.program, updated = v.updated, \
     state_id = v.state_id, state_type = v.state_type, state_name = v.state_name, state = v.state, \
     history_len = flow_runs.history_len + 1 \
     FROM v WHERE flow_runs.id = v.id AND flow_runs.state_id = v.expected RETURNING flow_runs.id",
);

/// Replaces what may be edited of flow runs.
pub(in crate::store::sql) static EDIT_FLOW_RUNS: Template = Template::new(
    "WITH v (id, name, tags, parameters, flow_version, labels, origin, deployment_id, work_queue_id, \
     work_queue_name, idempotency_key, created_by_id, created_by_type, empirical_policy, pauses, updated) AS (VALUES ",
    16,
    ") UPDATE flow_runs SET name = v.name, tags = v.tags, parameters = v.parameters, flow_version = v.flow_version, \
     labels = v.labels, origin = v.origin, deployment_id = v.deployment_id, work_queue_id = v.work_queue_id, \
     work_queue_name = v.work_queue_name, idempotency_key = v.idempotency_key, \
     created_by_id = v.created_by_id, created_by_type = v.created_by_type, \
     empirical_policy = v.empirical_policy, pauses = v.pauses, updated = v.updated FROM v WHERE flow_runs.id = v.id",
);

/// Adds states to the histories of flow runs that stand where the writer put them: those of a run that was not
/// inserted or not swapped find another state there, and are left out.
pub(in crate::store::sql) static INSERT_STATES: Template = Template::new(
    "WITH v (flow_run_id, present, back, id, type, name, timestamp, state) AS (VALUES ",
    8,
    ") INSERT INTO flow_run_states (flow_run_id, position, id, type, name, timestamp, state) \
     SELECT v.flow_run_id, f.history_len - v.back, v.id, v.type, v.name, v.timestamp, v.state \
     FROM v JOIN flow_runs f ON f.id = v.flow_run_id AND f.state_id = v.present WHERE true \
     ON CONFLICT (flow_run_id, position) DO NOTHING",
);

/// A flow run to insert, and how many states it begins with.
pub(in crate::store::sql) struct NewFlowRun<'a> {
    pub(in crate::store::sql) run: &'a FlowRun,
    pub(in crate::store::sql) history_len: usize,
}

/// A flow run to replace, and the state that it must be in.
pub(in crate::store::sql) struct SwappedFlowRun<'a> {
    pub(in crate::store::sql) run: &'a FlowRun,
    pub(in crate::store::sql) expected: StateId,
}

/// A state of a flow run that stands in the state `present`; `back` from the history's end, the last is 1.
pub(in crate::store::sql) struct NewState<'a> {
    pub(in crate::store::sql) flow_run_id: FlowRunId,
    pub(in crate::store::sql) present: StateId,
    pub(in crate::store::sql) back: usize,
    pub(in crate::store::sql) state: &'a State,
}

pub(in crate::store::sql) fn encode_new_flow_run(new: &NewFlowRun<'_>, to: &mut Arguments) {
    let run = new.run;
    to.uuid(run.id.0);
    to.int(micros(run.created));
    to.int(count(new.history_len));
    to.uuid(run.flow_id.0);
    to.text(run.flow_name.as_str());
    to.uuid(run.parent_task_run_id.map(|id| id.0));
    encode_edited_columns(run, to);
    encode_decided_columns(run, to);
}

pub(in crate::store::sql) fn encode_swap(swap: &SwappedFlowRun<'_>, to: &mut Arguments) {
    to.uuid(swap.run.id.0);
    to.uuid(swap.expected.0);
    encode_policy(swap.run, to);
    encode_decided_columns(swap.run, to);
}

pub(in crate::store::sql) fn encode_edited(run: &FlowRun, to: &mut Arguments) {
    to.uuid(run.id.0);
    encode_edited_columns(run, to);
    to.int(micros(run.updated));
}

/// Writes what clients may say of a run beside its states.
fn encode_edited_columns(run: &FlowRun, to: &mut Arguments) {
    to.text(run.name.as_str());
    to.owned(json(&run.tags));
    to.text(run.parameters.get());
    to.text(run.flow_version.as_deref());
    to.owned(json(&run.labels));
    if run.origin.is_empty() {
        to.text("{}");
    } else {
        to.owned(json(&run.origin));
    }
    to.uuid(run.origin.deployment_id);
    to.uuid(run.origin.work_queue_id);
    to.text(run.origin.work_queue_name.as_deref());
    to.text(run.origin.idempotency_key.as_deref());
    let creator = run.origin.created_by.as_ref();
    to.uuid(creator.and_then(|creator| creator.id));
    to.text(creator.and_then(|creator| creator.kind.as_deref()));
    encode_policy(run, to);
}

/// Writes how failures and pauses are treated.
fn encode_policy(run: &FlowRun, to: &mut Arguments) {
    to.owned(json(&run.empirical_policy));
    if run.pauses.is_empty() {
        to.text(None);
    } else {
        to.owned(json(&run.pauses));
    }
}

/// Writes what orchestration decides.
fn encode_decided_columns(run: &FlowRun, to: &mut Arguments) {
    to.int(i64::from(run.run_count_at_start));
    to.int(i64::from(run.times.run_count));
    to.int(micros(run.times.expected_start_time));
    to.int(run.times.next_scheduled_start_time.map(micros));
    to.int(run.times.start_time.map(micros));
    to.int(run.times.end_time.map(micros));
    to.int(run.times.total_run_time);
    to.uuid(run.process_id.map(|id| id.0));
    to.text(run.program.as_ref().map(json).as_deref());
    to.int(micros(run.updated));
    to.uuid(run.state.id.0);
    to.text(run.state.kind.as_str());
    to.text(run.state.name.as_ref());
    to.owned(json(&run.state));
}

pub(in crate::store::sql) fn encode_state(new: &NewState<'_>, to: &mut Arguments) {
    to.uuid(new.flow_run_id.0);
    to.uuid(new.present.0);
    to.int(count(new.back));
    to.uuid(new.state.id.0);
    to.text(new.state.kind.as_str());
    to.text(new.state.name.as_ref());
    to.int(micros(new.state.timestamp));
    to.owned(json(new.state));
}

pub(in crate::store::sql) fn flow_run(row: &Row) -> Result<FlowRun, StoreError> {
    let optional_time = |column| row.optional_int(column)?.map(time).transpose();
    Ok(FlowRun {
        id: FlowRunId(row.uuid(0)?),
        flow_id: FlowId(row.uuid(1)?),
        flow_name: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        tags: from_json(row.text(4)?)?,
        parameters: from_json::<Box<RawValue>>(row.text(5)?)?,
        flow_version: row.optional_text(6)?.map(str::to_owned),
        parent_task_run_id: row.optional_uuid(7)?.map(TaskRunId),
        empirical_policy: from_json(row.text(8)?)?,
        run_count_at_start: int32(row.int(9)?)?,
        times: RunTimes {
            run_count: int32(row.int(10)?)?,
            expected_start_time: time(row.int(11)?)?,
            next_scheduled_start_time: optional_time(12)?,
            start_time: optional_time(13)?,
            end_time: optional_time(14)?,
            total_run_time: row.int(15)?,
        },
        process_id: row.optional_uuid(16)?.map(ProcessId),
        program: row.optional_text(17)?.map(from_json).transpose()?,
        labels: from_json(row.text(18)?)?,
        created: time(row.int(19)?)?,
        updated: time(row.int(20)?)?,
        state: from_json(row.text(21)?)?,
        origin: from_json(row.text(22)?)?,
        pauses: row.optional_text(23)?.map(from_json).transpose()?.unwrap_or_default(),
    })
}

/// Reads a state from the column of its JSON.
pub(in crate::store::sql) fn flow_run_state(row: &Row, column: usize) -> Result<State, StoreError> {
    from_json(row.text(column)?)
}

/// Reads a state that may be absent.
pub(in crate::store::sql) fn optional_flow_run_state(row: &Row, column: usize) -> Result<Option<State>, StoreError> {
    row.optional_text(column)?.map(from_json).transpose()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
