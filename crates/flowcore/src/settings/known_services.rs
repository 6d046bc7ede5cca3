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
