-- Concurrency limits. What is taken of one is what its leases come to: there is no counter.
CREATE TABLE concurrency_limits (
    name {text} NOT NULL PRIMARY KEY,
    id {uuid} NOT NULL,
    slot_limit BIGINT NOT NULL,
    active BIGINT NOT NULL,
    slot_decay_per_second DOUBLE PRECISION NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

-- Slots that are taken. A lease ends with its process, or when it expires.
CREATE TABLE slot_leases (
    limit_name {text} NOT NULL,
    id {uuid} NOT NULL,
    slots BIGINT NOT NULL,
    holder {text} NOT NULL,
    process_id {uuid},
    acquired BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (limit_name, id)
) {clustered};

-- Those of a process that has died.
CREATE INDEX slot_leases_process ON slot_leases (process_id) WHERE process_id IS NOT NULL;

-- Who waits: a place in the queue of each limit that a request is for.
CREATE TABLE slot_requests (
    limit_name {text} NOT NULL,
    id {uuid} NOT NULL,
    slots BIGINT NOT NULL,
    holder {text} NOT NULL,
    process_id {uuid},
    due BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (limit_name, id)
) {clustered};

-- Those of a process that has died.
CREATE INDEX slot_requests_process ON slot_requests (process_id) WHERE process_id IS NOT NULL;
