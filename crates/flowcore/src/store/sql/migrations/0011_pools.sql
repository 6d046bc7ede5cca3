-- Work pools, their queues, and the workers that poll them.
CREATE TABLE work_pools (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    name {text} NOT NULL UNIQUE,
    description {text},
    type {text} NOT NULL,
    base_job_template {text} NOT NULL,
    is_paused BIGINT NOT NULL,
    concurrency_limit BIGINT,
    default_queue_id {uuid} NOT NULL,
    status {text} NOT NULL,
    storage_configuration {text} NOT NULL
);

CREATE TABLE work_queues (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    work_pool_id {uuid} NOT NULL,
    name {text} NOT NULL,
    description {text},
    filter {text},
    is_paused BIGINT NOT NULL,
    concurrency_limit BIGINT,
    priority BIGINT NOT NULL,
    last_polled BIGINT,
    status {text} NOT NULL,
    UNIQUE (work_pool_id, name)
);

CREATE TABLE workers (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    work_pool_id {uuid} NOT NULL,
    name {text} NOT NULL,
    last_heartbeat_time BIGINT NOT NULL,
    heartbeat_interval_seconds BIGINT,
    status {text} NOT NULL,
    UNIQUE (work_pool_id, name)
);

-- What a queue has to hand out, in the order of time, and what takes its slots.
CREATE INDEX flow_runs_work_queue ON flow_runs (work_queue_id, state_type, next_scheduled_start_time, id)
    WHERE work_queue_id IS NOT NULL;
-- The same of runs that know the name of a queue only.
CREATE INDEX flow_runs_work_queue_name ON flow_runs (work_queue_name, state_type, next_scheduled_start_time, id)
    WHERE work_queue_id IS NULL AND work_queue_name IS NOT NULL;
