-- Artifacts of clients may be of no kind, and have labels beside their data: `metadata` is JSON.
CREATE TABLE artifacts_of_any_kind (
    id {uuid} NOT NULL PRIMARY KEY,
    key {text},
    type {text},
    description {text},
    data {text} NOT NULL,
    metadata {text},
    flow_run_id {uuid},
    task_run_id {uuid},
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

INSERT INTO artifacts_of_any_kind (id, key, type, description, data, flow_run_id, task_run_id, created, updated)
SELECT id, key, type, description, data, flow_run_id, task_run_id, created, updated FROM artifacts;

DROP TABLE artifacts;
ALTER TABLE artifacts_of_any_kind RENAME TO artifacts;

CREATE INDEX artifacts_key ON artifacts (key, created, id) WHERE key IS NOT NULL;
CREATE INDEX artifacts_flow_run ON artifacts (flow_run_id) WHERE flow_run_id IS NOT NULL;
CREATE INDEX artifacts_task_run ON artifacts (task_run_id) WHERE task_run_id IS NOT NULL;

-- Listing, newest first.
CREATE INDEX artifacts_created ON artifacts (created, id);
