//! The settings of what a server does unasked.

use super::known::KnownSetting;

pub(super) const SCHEDULER: KnownSetting = KnownSetting::new(
    "server.services.scheduler.enabled",
    &[
        "FLOWCORE_SERVER_SERVICES_SCHEDULER_ENABLED",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED",
        "PREFECT_API_SERVICES_SCHEDULER_ENABLED",
    ],
    "Whether the server makes runs of deployments ahead of the times that their schedules say.",
    "true or false",
    "true",
);

pub(super) const LATE_RUNS: KnownSetting = KnownSetting::new(
    "server.services.late_runs.enabled",
    &[
        "FLOWCORE_SERVER_SERVICES_LATE_RUNS_ENABLED",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED",
        "PREFECT_API_SERVICES_LATE_RUNS_ENABLED",
    ],
    "Whether the server calls runs late that nobody has begun in time.",
    "true or false",
    "true",
);

pub(super) const PAUSE_EXPIRATIONS: KnownSetting = KnownSetting::new(
    "server.services.pause_expirations.enabled",
    &[
        "FLOWCORE_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED",
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED",
        "PREFECT_API_SERVICES_PAUSE_EXPIRATIONS_ENABLED",
    ],
    "Whether the server fails runs that were paused and not resumed in time.",
    "true or false",
    "true",
);

pub(super) const CANCELLATION_CLEANUP: KnownSetting = KnownSetting::new(
    "server.services.cancellation_cleanup.enabled",
    &[
        "FLOWCORE_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED",
        "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED",
        "PREFECT_API_SERVICES_CANCELLATION_CLEANUP_ENABLED",
    ],
    "Whether the server cancels what belongs to cancelled runs.",
    "true or false",
    "true",
);

pub(super) const FOREMAN: KnownSetting = KnownSetting::new(
    "server.services.foreman.enabled",
    &[
        "FLOWCORE_SERVER_SERVICES_FOREMAN_ENABLED",
        "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED",
        "PREFECT_API_SERVICES_FOREMAN_ENABLED",
    ],
    "Whether the server notices which workers, pools, queues and deployments are not heard of any more.",
    "true or false",
    "true",
);

pub(super) const LATE_RUNS_AFTER: KnownSetting = KnownSetting::new(
    "server.services.late_runs.after_seconds",
    &[
        "FLOWCORE_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS",
        "PREFECT_API_SERVICES_LATE_RUNS_AFTER_SECONDS",
    ],
    "How long after its time a run is called late that nobody has begun.",
    "a number of seconds",
    "15",
);

pub(super) const ZOMBIES: KnownSetting = KnownSetting::new(
    "server.services.zombies.enabled",
    &["FLOWCORE_SERVER_SERVICES_ZOMBIES_ENABLED"],
    "Whether the server crashes runs whose process is not heard of any more.",
    "true or false",
    "true",
);

pub(super) const ZOMBIES_AFTER: KnownSetting = KnownSetting::new(
    "server.services.zombies.after_seconds",
    &["FLOWCORE_SERVER_SERVICES_ZOMBIES_AFTER_SECONDS"],
    "How long nothing may be heard of a run, at least, before it is taken for dead.",
    "a number of seconds",
    "75",
);

pub(super) const REPOSSESSOR: KnownSetting = KnownSetting::new(
    "server.services.repossessor.enabled",
    &["FLOWCORE_SERVER_SERVICES_REPOSSESSOR_ENABLED", "PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED"],
    "Whether the server takes back slots of concurrency limits whose lease has ended.",
    "true or false",
    "true",
);

pub(super) const VACUUM: KnownSetting = KnownSetting::new(
    "server.services.db_vacuum.enabled",
    &["FLOWCORE_SERVER_SERVICES_DB_VACUUM_ENABLED", "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"],
    "What the server removes when it is old enough.",
    "events, flow_runs and logs with commas between, true for all of them, or none",
    "events",
);

pub(super) const VACUUM_PERIOD: KnownSetting = KnownSetting::new(
    "server.services.db_vacuum.loop_seconds",
    &["FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS", "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS"],
    "How often the server looks for what is old enough to be removed.",
    "a number of seconds",
    "3600",
);

pub(super) const VACUUM_BATCH: KnownSetting = KnownSetting::new(
    "server.services.db_vacuum.batch_size",
    &["FLOWCORE_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE", "PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE"],
    "How many rows the server removes at once, at most.",
    "a number from 1 up",
    "200",
);

pub(super) const KEEP_FLOW_RUNS: KnownSetting = KnownSetting::new(
    "server.services.db_vacuum.retention_period",
    &["FLOWCORE_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD", "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"],
    "How long flow runs are kept that have ended, where the server removes old ones.",
    "a number of seconds, or 90d, 12h, P90D",
    "90d",
);

pub(super) const KEEP_LOGS: KnownSetting = KnownSetting::new(
    "server.services.db_vacuum.log_retention_period",
    &["FLOWCORE_SERVER_SERVICES_DB_VACUUM_LOG_RETENTION_PERIOD"],
    "How long log lines are kept, where the server removes old ones before their runs.",
    "a number of seconds, or 90d, 12h, P90D",
    "90d",
);

pub(super) const KEEP_EVENTS: KnownSetting = KnownSetting::new(
    "server.events.retention_period",
    &[
        "FLOWCORE_SERVER_EVENTS_RETENTION_PERIOD",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD",
        "PREFECT_EVENTS_RETENTION_PERIOD",
        "PREFECT_API_EVENTS_RETENTION_PERIOD",
    ],
    "How long events are kept; changes of state are kept with their runs.",
    "a number of seconds, or 90d, 12h, P90D",
    "7d",
);
