-- When the scheduler is to look at a schedule again, 0 for at once; when the schedule or its deployment was changed; and from when on a
-- look at once makes runs. In microseconds since 1970.
ALTER TABLE deployment_schedules ADD COLUMN scheduler_due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deployment_schedules ADD COLUMN scheduler_changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deployment_schedules ADD COLUMN scheduler_from BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deployment_schedules_due ON deployment_schedules (scheduler_due) WHERE active = 1;
