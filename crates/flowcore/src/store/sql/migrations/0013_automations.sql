CREATE TABLE automations (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    name {text} NOT NULL,
    description {text} NOT NULL,
    enabled BIGINT NOT NULL,
    tags {text} NOT NULL,
    trigger_body {text} NOT NULL,
    actions {text} NOT NULL,
    actions_on_trigger {text} NOT NULL,
    actions_on_resolve {text} NOT NULL
);

-- The resources that automations name or belong to, by which they are found and deleted with them.
CREATE TABLE automation_resources (
    id {uuid} NOT NULL PRIMARY KEY,
    automation_id {uuid} NOT NULL,
    resource_id {text} NOT NULL,
    owned BIGINT NOT NULL,
    UNIQUE (resource_id, automation_id)
);

CREATE INDEX automation_resources_automation ON automation_resources (automation_id);

CREATE TABLE saved_searches (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    name {text} NOT NULL UNIQUE,
    filters {text} NOT NULL
);
