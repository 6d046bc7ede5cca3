//! The table `task_runs`.

use crate::model::{FlowRunId, InputDigest, RunTimes, State, StateCount, TaskRun, TaskRunId, TaskRunRecord};
use crate::store::StoreError;
use crate::store::journal::new_states;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::strays::stray_until;
use crate::store::sql::template::Template;

use super::json::{from_json, int32, json, micros, time};

/// The columns that [`task_run`] and [`task_run_history`] read.
pub(in crate::store::sql) const TASK_RUN_COLUMNS: &str = "id, flow_run_id, attempt, task_key, dynamic_key, name, \
     task_version, tags, inputs_digest, task_inputs, empirical_policy, cache_key, run_count, expected_start_time, \
     next_scheduled_start_time, start_time, end_time, total_run_time, history, \
     labels, created";

/// How many columns these are.
pub(in crate::store::sql) const TASK_RUN_COLUMNS_READ: usize = 21;

/// The columns that are written, in the order of [`encode_columns`] and what comes behind it.
macro_rules! columns {
    () => {
        "id, flow_run_id, attempt, task_key, dynamic_key, name, task_version, tags, inputs_digest, task_inputs, \
         empirical_policy, cache_key, run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, \
         total_run_time, state_type, state_name, labels, created, history_from, history_len, history, stray_until"
    };
}

/// How many columns are written.
const COLUMNS_WRITTEN: usize = 26;

/// What a newer record replaces of a row: all but its flow run and its history.
macro_rules! replaced {
    () => {
        "attempt = excluded.attempt, task_key = excluded.task_key, dynamic_key = excluded.dynamic_key, \
         name = excluded.name, task_version = excluded.task_version, tags = excluded.tags, \
         inputs_digest = excluded.inputs_digest, task_inputs = excluded.task_inputs, \
         empirical_policy = excluded.empirical_policy, cache_key = excluded.cache_key, \
         run_count = excluded.run_count, expected_start_time = excluded.expected_start_time, \
         next_scheduled_start_time = excluded.next_scheduled_start_time, start_time = excluded.start_time, \
         end_time = excluded.end_time, total_run_time = excluded.total_run_time, state_type = excluded.state_type, \
         state_name = excluded.state_name, labels = excluded.labels, created = excluded.created, \
         history_from = excluded.history_from, history_len = excluded.history_len"
    };
}

/// Keeps records of the present attempts.
///
/// What is left out shows in the number of rows: records of other attempts, which find no flow run, and records that do
/// not begin where the history ends, since they are known in whole or in part or something is missing between.
pub(in crate::store::sql) static RECORD_TASK_RUNS: Template = Template::new(
    concat!("WITH v (", columns!(), ") AS (VALUES "),
    COLUMNS_WRITTEN,
    concat!(
        ") INSERT INTO task_runs (",
        columns!(),
        ") SELECT v.* FROM v LEFT JOIN flow_runs f ON f.id = v.flow_run_id \
         WHERE v.flow_run_id IS NULL OR f.run_count = v.attempt \
         ON CONFLICT (id) DO UPDATE SET ",
        replaced!(),
        ", history = task_runs.history || ',' || excluded.history, \
         stray_until = CASE WHEN task_runs.stray_until > excluded.stray_until THEN task_runs.stray_until \
         ELSE COALESCE(excluded.stray_until, task_runs.stray_until) END \
         WHERE excluded.history_from = task_runs.history_len AND excluded.history_len > task_runs.history_len"
    ),
);

/// Keeps task runs with all of their histories, unless one has grown beyond what was read of it.
pub(in crate::store::sql) static PUT_TASK_RUNS: Template = Template::new(
    concat!("INSERT INTO task_runs (", columns!(), ") VALUES "),
    COLUMNS_WRITTEN,
    concat!(
        " ON CONFLICT (id) DO UPDATE SET ",
        replaced!(),
        ", flow_run_id = excluded.flow_run_id, history = excluded.history, stray_until = excluded.stray_until \
         WHERE task_runs.history_len = excluded.history_from"
    ),
);

/// Appends a last state to task runs.
pub(in crate::store::sql) static END_TASK_RUNS: Template = Template::new(
    "WITH v (id, end_time, total_run_time, state_type, state_name, state, stray_until) AS (VALUES ",
    7,
    ") UPDATE task_runs SET end_time = v.end_time, next_scheduled_start_time = NULL, \
     total_run_time = v.total_run_time, state_type = v.state_type, state_name = v.state_name, \
     history = task_runs.history || ',' || v.state, history_from = task_runs.history_len, \
     history_len = task_runs.history_len + 1, \
     stray_until = CASE WHEN task_runs.stray_until > v.stray_until THEN task_runs.stray_until \
     ELSE COALESCE(v.stray_until, task_runs.stray_until) END \
     FROM v WHERE task_runs.id = v.id",
);

/// A record, and how long the history is that it adds to: the part that is known is left out.
pub(in crate::store::sql) struct NewTaskRun<'a> {
    pub(in crate::store::sql) record: &'a TaskRunRecord,
    /// Asked for when the record was left out; else the history is taken to end where the record says.
    pub(in crate::store::sql) known: Option<i32>,
}

/// A task run after its end, whose state is to be added.
pub(in crate::store::sql) struct EndedTaskRun(pub(in crate::store::sql) TaskRun);

/// A task run with its whole history, of which `before` states are kept already.
pub(in crate::store::sql) struct ObservedTaskRun {
    pub(in crate::store::sql) run: TaskRun,
    pub(in crate::store::sql) history: Vec<State>,
    pub(in crate::store::sql) before: usize,
}

pub(in crate::store::sql) fn encode_task_run(new: &NewTaskRun<'_>, to: &mut Arguments) {
    let record = new.record;
    let run = &record.run;
    let states = new.known.map_or(record.states.as_slice(), |known| new_states(record, known));
    let said = i64::from(record.history_len) - i64::try_from(states.len()).unwrap_or(0);
    let begin = new.known.map_or(said.max(0), i64::from);
    encode_columns(run, to);
    to.int(begin);
    to.int(i64::from(record.history_len));
    to.owned(joined(states));
    to.int(stray_until(run.id, states));
}

pub(in crate::store::sql) fn encode_observed(observed: &ObservedTaskRun, to: &mut Arguments) {
    encode_columns(&observed.run, to);
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    to.int(count(observed.before));
    to.int(count(observed.history.len()));
    to.owned(joined(&observed.history));
    to.int(stray_until(observed.run.id, &observed.history));
}

/// Writes all but the history.
fn encode_columns(run: &TaskRun, to: &mut Arguments) {
    to.uuid(run.id.0);
    to.uuid(run.flow_run_id.map(|id| id.0));
    to.int(i64::from(run.attempt));
    to.text(run.task_key.as_ref());
    to.text(run.dynamic_key.as_str());
    to.text(run.name.as_str());
    to.text(run.task_version.as_deref());
    if run.tags.is_empty() {
        to.text("[]")
    } else {
        to.owned(json(&run.tags))
    }
    to.bytes(run.inputs_digest.map(|digest| digest.0.to_vec()));
    if run.task_inputs.is_empty() {
        to.text("{}")
    } else {
        to.owned(json(&run.task_inputs))
    }
    to.owned(json(&run.empirical_policy));
    to.text(run.cache_key.as_deref());
    to.int(i64::from(run.times.run_count));
    to.int(micros(run.times.expected_start_time));
    to.int(run.times.next_scheduled_start_time.map(micros));
    to.int(run.times.start_time.map(micros));
    to.int(run.times.end_time.map(micros));
    to.int(run.times.total_run_time);
    to.text(run.state.kind.as_str());
    to.text(run.state.name.as_ref());
    if run.labels.is_empty() {
        to.text(None)
    } else {
        to.owned(json(&run.labels))
    }
    to.int(run.created.map(micros));
}

pub(in crate::store::sql) fn encode_ended(EndedTaskRun(run): &EndedTaskRun, to: &mut Arguments) {
    to.uuid(run.id.0);
    to.int(run.times.end_time.map(micros));
    to.int(run.times.total_run_time);
    to.text(run.state.kind.as_str());
    to.text(run.state.name.as_ref());
    to.owned(json(&run.state));
    to.int(stray_until(run.id, std::slice::from_ref(&run.state)));
}

pub(in crate::store::sql) fn task_run(row: &Row) -> Result<TaskRun, StoreError> {
    task_run_with_history(row).map(|(run, _)| run)
}

/// Reads a run with its states, oldest first.
pub(in crate::store::sql) fn task_run_with_history(row: &Row) -> Result<(TaskRun, Vec<State>), StoreError> {
    let history = task_run_history(row)?;
    let optional_time = |column| row.optional_int(column)?.map(time).transpose();
    let id = TaskRunId(row.uuid(0)?);
    let run = TaskRun {
        id,
        flow_run_id: row.optional_uuid(1)?.map(FlowRunId),
        attempt: int32(row.int(2)?)?,
        task_key: row.text(3)?.to_owned().into(),
        dynamic_key: row.text(4)?.to_owned(),
        name: row.text(5)?.to_owned(),
        task_version: row.optional_text(6)?.map(|version| version.to_owned().into()),
        tags: from_json(row.text(7)?)?,
        inputs_digest: row.optional_bytes(8)?.map(digest).transpose()?,
        task_inputs: from_json(row.text(9)?)?,
        empirical_policy: from_json(row.text(10)?)?,
        cache_key: row.optional_text(11)?.map(str::to_owned),
        times: RunTimes {
            run_count: int32(row.int(12)?)?,
            expected_start_time: time(row.int(13)?)?,
            next_scheduled_start_time: optional_time(14)?,
            start_time: optional_time(15)?,
            end_time: optional_time(16)?,
            total_run_time: row.int(17)?,
        },
        state: history.last().cloned().ok_or_else(|| StoreError::Row(format!("task run {id} has no state")))?,
        labels: row.optional_text(19)?.map(from_json).transpose()?.unwrap_or_default(),
        created: optional_time(20)?,
    };
    Ok((run, history))
}

/// Reads the states, oldest first.
pub(in crate::store::sql) fn task_run_history(row: &Row) -> Result<Vec<State>, StoreError> {
    from_json(&format!("[{}]", row.text(18)?))
}

/// Reads a type and a name of states, and how many task runs are in them.
pub(in crate::store::sql) fn state_count(row: &Row) -> Result<StateCount, StoreError> {
    let count = u64::try_from(row.int(2)?).unwrap_or(0);
    Ok(StateCount { kind: row.text(0)?.parse().map_err(StoreError::Row)?, name: row.text(1)?.to_owned(), count })
}

fn joined(states: &[State]) -> String {
    let mut text = Vec::with_capacity(states.len() * 160);
    for (number, state) in states.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        if let Err(error) = serde_json::to_writer(&mut text, state) {
            tracing::error!(%error, "a state could not be written as JSON");
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

fn digest(bytes: &[u8]) -> Result<InputDigest, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Row("an inputs digest has 32 bytes".to_owned()))?;
    Ok(InputDigest(bytes))
}
