-- Runs in the order in which they have ended, the others behind them; the order of the list that is asked for.
DROP INDEX flow_runs_ended;
CREATE INDEX flow_runs_ended ON flow_runs (end_time{newest_first}, id DESC);
-- A run by its key, of a flow or of whichever.
DROP INDEX flow_runs_idempotency;
CREATE UNIQUE INDEX flow_runs_idempotency ON flow_runs (idempotency_key, flow_id) WHERE idempotency_key IS NOT NULL;
-- What is due and what is late, looked for every few seconds: an entry for each run that waits, none for the others.
CREATE INDEX flow_runs_due ON flow_runs (next_scheduled_start_time, id) WHERE next_scheduled_start_time IS NOT NULL;
-- Runs in a state that only its name tells, such as the late ones.
CREATE INDEX flow_runs_state_name ON flow_runs (state_name, expected_start_time);
-- Who is said to be there. Workers and deployments that are not used any more stay for good, and a row's status changes
-- seldom, unlike the times at which it is heard of.
CREATE INDEX workers_status ON workers (status, work_pool_id);
CREATE INDEX deployments_status ON deployments (status);
-- The workers of a pool, those heard of last before others.
CREATE INDEX workers_heard ON workers (work_pool_id, last_heartbeat_time, id);
