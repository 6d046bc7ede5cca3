-- What flow runs were made from. The columns repeat what is selected by.
ALTER TABLE flows ADD COLUMN labels {text} NOT NULL DEFAULT '{}';
ALTER TABLE flows ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
UPDATE flows SET updated = created;

ALTER TABLE flow_runs ADD COLUMN origin {text} NOT NULL DEFAULT '{}';
ALTER TABLE flow_runs ADD COLUMN deployment_id {uuid};
ALTER TABLE flow_runs ADD COLUMN work_queue_id {uuid};
ALTER TABLE flow_runs ADD COLUMN work_queue_name {text};
ALTER TABLE flow_runs ADD COLUMN idempotency_key {text};

-- One run for a key, however often and by how many it is asked for.
CREATE UNIQUE INDEX flow_runs_idempotency ON flow_runs (flow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- The runs of a deployment.
CREATE INDEX flow_runs_deployment ON flow_runs (deployment_id, expected_start_time) WHERE deployment_id IS NOT NULL;
