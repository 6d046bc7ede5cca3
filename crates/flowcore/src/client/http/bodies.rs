//! From the bodies of answers to the model.

use crate::model::{
    Flow, FlowRun, FlowRunOrigin, Labels, LogLevel, LogLine, RetryPolicy, RunTimes, State, StateId, StateType, TaskRun,
    Timestamp,
};
use crate::wire::{FlowBody, FlowRunBody, LogBody, Moment, TaskRunBody};

use super::dynamic_key;
use super::labels::take_executor;

/// What stands for a time that a server does not tell.
const UNKNOWN: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn flow(body: FlowBody) -> Flow {
    Flow {
        id: body.id.into(),
        name: body.name,
        tags: body.tags,
        labels: body.labels.unwrap_or_default(),
        created: time(body.created).unwrap_or(UNKNOWN),
        updated: time(body.updated).unwrap_or(UNKNOWN),
    }
}

/// Reads a flow run; `flow_name` is that of its flow.
pub(super) fn flow_run(body: FlowRunBody, flow_name: String) -> FlowRun {
    let mut labels: Labels = body.labels;
    let (process_id, program) = take_executor(&mut labels);
    let created = time(body.created).unwrap_or(UNKNOWN);
    let expected_start_time = time(body.expected_start_time).unwrap_or(created);
    let state = match (body.state, body.state_type) {
        (Some(state), _) => State::from(state),
        // Prefect's API allows a run without a state: it has not begun.
        (None, kind) => State::new(kind.unwrap_or(StateType::Pending), StateId(body.id), created),
    };
    FlowRun {
        id: body.id.into(),
        flow_id: body.flow_id.into(),
        flow_name,
        name: body.name,
        tags: body.tags,
        parameters: body.parameters,
        flow_version: body.flow_version,
        parent_task_run_id: body.parent_task_run_id.map(Into::into),
        empirical_policy: body.empirical_policy.retry_policy(),
        // The server counts retries, and from the beginning: what it is told of them is meant so.
        run_count_at_start: 0,
        state,
        times: RunTimes {
            run_count: body.run_count,
            expected_start_time,
            next_scheduled_start_time: time(body.next_scheduled_start_time),
            start_time: time(body.start_time),
            end_time: time(body.end_time),
            total_run_time: microseconds(body.total_run_time),
        },
        process_id,
        program,
        labels,
        origin: FlowRunOrigin {
            deployment_id: body.deployment_id,
            deployment_version: body.deployment_version,
            work_queue_id: body.work_queue_id,
            work_queue_name: body.work_queue_name,
            idempotency_key: body.idempotency_key,
            auto_scheduled: body.auto_scheduled,
            context: body.context,
            job_variables: body.job_variables.filter(|variables| !variables.is_empty()),
            infrastructure_document_id: body.infrastructure_document_id,
            infrastructure_pid: body.infrastructure_pid,
            created_by: body.created_by,
        },
        pauses: body.empirical_policy.pauses(),
        created,
        updated: time(body.updated).unwrap_or(created),
    }
}

pub(super) fn task_run(body: TaskRunBody) -> TaskRun {
    let (dynamic_key, inputs_digest) = dynamic_key::read(body.dynamic_key);
    let created = time(body.created).unwrap_or(UNKNOWN);
    let state = match body.state {
        Some(state) => State::from(state),
        None => State::new(body.state_type.unwrap_or(StateType::Pending), StateId(body.id), created),
    };
    TaskRun {
        id: body.id.into(),
        flow_run_id: body.flow_run_id.map(Into::into),
        attempt: body.flow_run_run_count,
        task_key: body.task_key.into(),
        dynamic_key,
        name: body.name,
        task_version: body.task_version.map(Into::into),
        tags: body.tags,
        inputs_digest,
        task_inputs: body.task_inputs,
        empirical_policy: RetryPolicy::from(&body.empirical_policy),
        cache_key: body.cache_key,
        times: RunTimes {
            run_count: body.run_count,
            expected_start_time: time(body.expected_start_time).unwrap_or(created),
            next_scheduled_start_time: time(body.next_scheduled_start_time),
            start_time: time(body.start_time),
            end_time: time(body.end_time),
            total_run_time: microseconds(body.total_run_time),
        },
        state,
        labels: body.labels,
        created: time(body.created),
    }
}

pub(super) fn log_line(body: LogBody) -> LogLine {
    LogLine {
        id: crate::model::LogId(body.id),
        timestamp: body.timestamp.0,
        level: LogLevel::from_number(body.level),
        logger: body.name,
        message: body.message,
        fields: serde_json::Map::new(),
        flow_run_id: body.flow_run_id.map(Into::into),
        task_run_id: body.task_run_id.map(Into::into),
    }
}

pub(super) fn time(moment: Option<Moment>) -> Option<Timestamp> {
    moment.map(|moment| moment.0)
}

#[expect(clippy::cast_possible_truncation, reason = "microseconds of a run fit")]
fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}
