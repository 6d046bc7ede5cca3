-- A process that waits for a resume has its run in PAUSED.
DROP INDEX flow_runs_active;
CREATE INDEX flow_runs_active ON flow_runs (process_id)
    WHERE process_id IS NOT NULL AND state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING');
-- What a process is to end: next to nothing among many, asked for several times a second.
CREATE INDEX flow_runs_cancelling ON flow_runs (process_id) WHERE state_type = 'CANCELLING';

-- What was sent to flow runs, in the order of the ids.
CREATE TABLE flow_run_inputs (
    id {uuid} NOT NULL PRIMARY KEY,
    flow_run_id {uuid} NOT NULL,
    key {text} NOT NULL,
    value {text} NOT NULL,
    sender {uuid},
    created BIGINT NOT NULL
);

CREATE INDEX flow_run_inputs_flow_run ON flow_run_inputs (flow_run_id, key, id);
