-- Deployments, and the schedules that runs of them are made by.
CREATE TABLE deployments (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    flow_id {uuid} NOT NULL,
    name {text} NOT NULL,
    version {text},
    description {text},
    paused BIGINT NOT NULL,
    concurrency_limit_id {uuid},
    concurrency_options {text},
    parameter_openapi_schema {text},
    enforce_parameter_schema BIGINT NOT NULL,
    parameters {text} NOT NULL,
    job_variables {text} NOT NULL,
    pull_steps {text},
    tags {text} NOT NULL,
    labels {text} NOT NULL,
    work_queue_id {uuid},
    work_queue_name {text},
    storage_document_id {uuid},
    infrastructure_document_id {uuid},
    path {text},
    entrypoint {text},
    last_polled BIGINT,
    status {text} NOT NULL,
    UNIQUE (flow_id, name)
);

-- Listing by name.
CREATE INDEX deployments_name ON deployments (name, id);
-- What is ready when a queue is polled.
CREATE INDEX deployments_work_queue ON deployments (work_queue_id) WHERE work_queue_id IS NOT NULL;

CREATE TABLE deployment_schedules (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    deployment_id {uuid} NOT NULL,
    schedule {text} NOT NULL,
    active BIGINT NOT NULL,
    max_scheduled_runs BIGINT,
    parameters {text} NOT NULL,
    slug {text},
    UNIQUE (deployment_id, slug)
);
