-- Times are microseconds since 1970 in UTC, durations microseconds. JSON is text, so that one statement serves both
-- databases. An index has its reader: each costs on the path of every task run.

CREATE TABLE flows (
    id {uuid} NOT NULL PRIMARY KEY,
    name {text} NOT NULL UNIQUE,
    tags {text} NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE flow_runs (
    id {uuid} NOT NULL PRIMARY KEY,
    flow_id {uuid} NOT NULL,
    flow_name {text} NOT NULL,
    name {text} NOT NULL,
    tags {text} NOT NULL,
    parameters {text} NOT NULL,
    flow_version {text},
    parent_task_run_id {uuid},
    empirical_policy {text} NOT NULL,
    run_count_at_start BIGINT NOT NULL,
    run_count BIGINT NOT NULL,
    expected_start_time BIGINT NOT NULL,
    next_scheduled_start_time BIGINT,
    start_time BIGINT,
    end_time BIGINT,
    total_run_time BIGINT NOT NULL,
    process_id {uuid},
    program {text},
    labels {text} NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    state_id {uuid} NOT NULL,
    state_type {text} NOT NULL,
    state_name {text} NOT NULL,
    state {text} NOT NULL,
    history_len BIGINT NOT NULL
);

-- Listing, newest first.
CREATE INDEX flow_runs_created ON flow_runs (created, id);
-- Subflows of a task run.
CREATE INDEX flow_runs_parent ON flow_runs (parent_task_run_id) WHERE parent_task_run_id IS NOT NULL;
-- What processes are executing: few rows among many.
CREATE INDEX flow_runs_active ON flow_runs (process_id)
    WHERE process_id IS NOT NULL AND state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'CANCELLING');

CREATE TABLE flow_run_states (
    flow_run_id {uuid} NOT NULL,
    position BIGINT NOT NULL,
    id {uuid} NOT NULL,
    type {text} NOT NULL,
    name {text} NOT NULL,
    timestamp BIGINT NOT NULL,
    state {text} NOT NULL,
    PRIMARY KEY (flow_run_id, position)
) {clustered};

-- Events in the order of time.
CREATE INDEX flow_run_states_time ON flow_run_states (timestamp, id);

-- `history` holds the states as JSON objects joined by commas; `history_from` is how many there were before the newest
-- record, which is what keeps a repeated record from adding its states twice. `stray_until` is when the last state was of
-- a task run that has states away from the time in its id, in microseconds since 1970; the greatest number if nothing is
-- known of them, or one was before. It is NULL for all others: quick task runs cost no entry.
CREATE TABLE task_runs (
    id {uuid} NOT NULL PRIMARY KEY,
    flow_run_id {uuid},
    attempt BIGINT NOT NULL,
    task_key {text} NOT NULL,
    dynamic_key {text} NOT NULL,
    name {text} NOT NULL,
    task_version {text},
    tags {text} NOT NULL,
    inputs_digest {bytes},
    task_inputs {text} NOT NULL,
    empirical_policy {text} NOT NULL,
    cache_key {text},
    run_count BIGINT NOT NULL,
    expected_start_time BIGINT NOT NULL,
    next_scheduled_start_time BIGINT,
    start_time BIGINT,
    end_time BIGINT,
    total_run_time BIGINT NOT NULL,
    state_type {text} NOT NULL,
    state_name {text} NOT NULL,
    history_from BIGINT NOT NULL,
    history_len BIGINT NOT NULL,
    history {text} NOT NULL,
    stray_until BIGINT
) {clustered};

-- The task runs of a flow run, in the order of their ids. In SQLite also what they are selected and counted by, so that
-- neither reads the rows.
CREATE INDEX task_runs_flow_run ON task_runs (flow_run_id, id{overview});

-- The newest events of strays.
CREATE INDEX task_runs_strays ON task_runs (stray_until, id, flow_run_id) WHERE stray_until IS NOT NULL;

CREATE TABLE logs (
    id {uuid} NOT NULL PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    level BIGINT NOT NULL,
    logger {text} NOT NULL,
    message {text} NOT NULL,
    flow_run_id {uuid},
    task_run_id {uuid}
);

CREATE INDEX logs_flow_run ON logs (flow_run_id, timestamp, id);
CREATE INDEX logs_task_run ON logs (task_run_id, timestamp, id) WHERE task_run_id IS NOT NULL;

CREATE TABLE artifacts (
    id {uuid} NOT NULL PRIMARY KEY,
    key {text},
    type {text} NOT NULL,
    description {text},
    data {text} NOT NULL,
    flow_run_id {uuid},
    task_run_id {uuid},
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE INDEX artifacts_key ON artifacts (key, created, id) WHERE key IS NOT NULL;
CREATE INDEX artifacts_flow_run ON artifacts (flow_run_id) WHERE flow_run_id IS NOT NULL;

-- Events other than changes of state, which are read from the histories.
CREATE TABLE events (
    id {uuid} NOT NULL PRIMARY KEY,
    occurred BIGINT NOT NULL,
    event {text} NOT NULL,
    resource {text} NOT NULL,
    related {text} NOT NULL,
    payload {text} NOT NULL
);

CREATE INDEX events_occurred ON events (occurred, id);

CREATE TABLE processes (
    id {uuid} NOT NULL PRIMARY KEY,
    pid BIGINT NOT NULL,
    host {text} NOT NULL,
    lock_file {text} NOT NULL,
    started BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
