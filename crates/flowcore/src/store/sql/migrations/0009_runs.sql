-- What clients say of runs beyond what our own engine does, and the ways in which they ask for runs.
ALTER TABLE flow_runs ADD COLUMN created_by_id {uuid};
ALTER TABLE flow_runs ADD COLUMN created_by_type {text};
-- What rules remember of pauses, as JSON; NULL if there is nothing.
ALTER TABLE flow_runs ADD COLUMN pauses {text};
-- NULL for the task runs of our own engine.
ALTER TABLE task_runs ADD COLUMN labels {text};
ALTER TABLE task_runs ADD COLUMN created BIGINT;
-- The sender of an input as its client calls it, where that is no flow run.
ALTER TABLE flow_run_inputs ADD COLUMN sent_by {text};

-- Flows that are gone, and whose runs are being deleted behind them.
CREATE TABLE deleted_flows (
    flow_id {uuid} NOT NULL PRIMARY KEY
);

-- The runs of a flow, by when they were to start.
CREATE INDEX flow_runs_flow ON flow_runs (flow_id, expected_start_time);
-- What comes next of a flow.
CREATE INDEX flow_runs_next ON flow_runs (flow_id, next_scheduled_start_time, id) WHERE state_type = 'SCHEDULED';
-- Histories, and runs in the order of their times.
CREATE INDEX flow_runs_expected ON flow_runs (expected_start_time, id);
CREATE INDEX flow_runs_started ON flow_runs (COALESCE(start_time, expected_start_time), id);
CREATE INDEX flow_runs_ended ON flow_runs (end_time, id) WHERE end_time IS NOT NULL;
-- Runs in some states, such as those that are due.
CREATE INDEX flow_runs_state ON flow_runs (state_type, expected_start_time);
-- Lists by name.
CREATE INDEX flow_runs_name ON flow_runs (name, id);
-- A state by itself.
CREATE INDEX flow_run_states_id ON flow_run_states (id);
