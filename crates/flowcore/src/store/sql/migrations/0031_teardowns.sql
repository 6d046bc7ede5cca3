-- Infrastructure that a worker is to tear down, until one has: which run's, how often a worker was told, and who has it in hand until when (0
-- while nobody has), in microseconds.
CREATE TABLE teardowns (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    work_pool_id {uuid} NOT NULL,
    work_queue_id {uuid} NOT NULL,
    flow_run_id {uuid} NOT NULL,
    infrastructure_pid {text},
    deliveries BIGINT NOT NULL,
    token {text} NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX teardowns_pool ON teardowns (work_pool_id, expires);
