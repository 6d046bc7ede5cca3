//! Rows as model types: one file a table, with the statement that writes it and the columns that are read.

mod artifact;
mod event;
mod flow;
mod flow_run;
mod input;
mod json;
mod limit;
mod log;
mod process;
mod task_run;
mod variable;

pub(super) use artifact::{
    ARTIFACT_COLUMNS, OF_KNOWN_KIND, PUT_ARTIFACTS, artifact, encode_artifact, encode_artifact_update,
};
pub(super) use event::{APPEND_EVENTS, EVENT_COLUMNS, encode_event, event};
pub(super) use flow::{FLOW_COLUMNS, UPSERT_FLOWS, encode_flow, flow};
pub(super) use flow_run::{
    EDIT_FLOW_RUNS, FLOW_RUN_COLUMNS, FLOW_RUN_COLUMNS_READ, INSERT_FLOW_RUNS, INSERT_STATES, NewFlowRun, NewState,
    SWAP_FLOW_RUNS, SwappedFlowRun, encode_edited, encode_new_flow_run, encode_state, encode_swap, flow_run,
    flow_run_state, optional_flow_run_state,
};
pub(super) use input::{APPEND_INPUTS, INPUT_COLUMNS, encode_input, input};
pub(super) use json::micros;
pub(super) use limit::{
    DELETE_LEASES, DELETE_LIMITS, DELETE_REQUESTS, INSERT_LIMITS, LIMIT_COLUMNS, OCCUPANCY, PUT_LEASES, PUT_LIMITS,
    PUT_REQUESTS, encode_lease, encode_limit, encode_limit_name, encode_request, encode_slot_key, limit, occupancy,
};
pub(super) use log::{APPEND_LOGS, LOG_COLUMNS, encode_log, log};
pub(super) use process::{PROCESS_COLUMNS, PUT_PROCESSES, encode_process, process};
pub(super) use task_run::{
    END_TASK_RUNS, EndedTaskRun, NewTaskRun, ObservedTaskRun, PUT_TASK_RUNS, RECORD_TASK_RUNS, TASK_RUN_COLUMNS,
    TASK_RUN_COLUMNS_READ, encode_ended, encode_observed, encode_task_run, state_count, task_run, task_run_history,
    task_run_with_history,
};
pub(super) use variable::{VARIABLE_COLUMNS, encode_variable, variable};
