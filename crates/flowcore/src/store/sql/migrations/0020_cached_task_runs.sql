-- Completed states of task runs by their cache keys. `state` is JSON.
CREATE TABLE cached_task_runs (
    id {uuid} NOT NULL PRIMARY KEY,
    cache_key {text} NOT NULL,
    expires BIGINT,
    state {text} NOT NULL,
    created BIGINT NOT NULL
);

-- The newest of a key.
CREATE INDEX cached_task_runs_key ON cached_task_runs (cache_key, created, id);
