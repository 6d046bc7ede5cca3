-- Finding single rows, and the newest events, without reading tables from end to end.

-- When the last state was of a task run that has states away from the time in its id, in microseconds since 1970; the
-- greatest number if nothing is known of them, or one was before. NULL for all others: quick task runs cost no entry.
ALTER TABLE task_runs ADD COLUMN stray_until BIGINT;
-- What is not known of rows that were written before.
UPDATE task_runs SET stray_until = COALESCE(end_time, 9223372036854775807);

-- The newest events of strays.
CREATE INDEX task_runs_strays ON task_runs (stray_until, id, flow_run_id) WHERE stray_until IS NOT NULL;

-- The task runs of a flow run, in the order of their ids. In SQLite also what they are selected and counted by, so that
-- neither reads the rows.
DROP INDEX task_runs_flow_run;
CREATE INDEX task_runs_flow_run ON task_runs (flow_run_id, id{overview});

-- Events in the order of time. Nothing asks for a state by its id.
DROP INDEX flow_run_states_id;
CREATE INDEX flow_run_states_time ON flow_run_states (timestamp, id);
