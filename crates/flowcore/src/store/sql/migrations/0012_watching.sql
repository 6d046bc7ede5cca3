-- What servers listen to: events in the order in which they were taken in, as they may be told of late.
CREATE INDEX events_received ON events (received, id);
-- Task runs that wait for somebody to execute them: few rows among many.
CREATE INDEX task_runs_scheduled ON task_runs (id) WHERE state_type = 'SCHEDULED';

-- Task runs that were given to a worker, until they are its own or it has gone.
CREATE TABLE task_deliveries (
    id {uuid} NOT NULL PRIMARY KEY,
    client_id {text} NOT NULL,
    expires BIGINT NOT NULL
);
