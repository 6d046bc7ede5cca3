-- The flow runs whose clients say now and then that they execute them: when one said so last, by the server's clock (`seen`) and by its own
-- (`occurred`); when it is taken for dead unless it says so again; and the longest time between two such words, by its own clock, 0 while
-- it is not known. All in microseconds.
CREATE TABLE flow_run_heartbeats (
    id {uuid} NOT NULL PRIMARY KEY,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    occurred BIGINT NOT NULL,
    longest BIGINT NOT NULL
);

-- What becomes of the times that pass while nobody makes runs: NULL for nothing.
ALTER TABLE deployment_schedules ADD COLUMN catch_up {text};
