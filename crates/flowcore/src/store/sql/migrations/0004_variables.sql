-- Values under names. `value` and `tags` are JSON.
CREATE TABLE variables (
    id {uuid} NOT NULL PRIMARY KEY,
    name {text} NOT NULL UNIQUE,
    value {text} NOT NULL,
    tags {text} NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
