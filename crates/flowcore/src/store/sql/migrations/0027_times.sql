-- Lists of the newest log lines of all runs, and counts of the task runs of a span of time.
CREATE INDEX logs_timestamp ON logs (timestamp, id);
CREATE INDEX task_runs_started ON task_runs (start_time) WHERE start_time IS NOT NULL;
