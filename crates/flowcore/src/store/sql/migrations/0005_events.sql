-- What Prefect's events have beside the others' columns.
ALTER TABLE events ADD COLUMN follows {uuid};
ALTER TABLE events ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
UPDATE events SET received = occurred;
