-- The newest runs of a flow are asked for most, by when they started.
DROP INDEX flow_runs_flow;
CREATE INDEX flow_runs_flow ON flow_runs (flow_id, COALESCE(start_time, expected_start_time), id);
