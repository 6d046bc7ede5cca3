//! Every setting, in one table.

use super::known_server as server;
use super::known_services as services;

/// A setting: what it is called, what it may be, what it is for.
#[derive(Debug)]
pub struct KnownSetting {
    key: &'static str,
    variables: &'static [&'static str],
    about: &'static str,
    allowed: &'static str,
    default: &'static str,
    secret: bool,
    in_profiles: bool,
}

impl KnownSetting {
    pub(super) const fn new(
        key: &'static str,
        variables: &'static [&'static str],
        about: &'static str,
        allowed: &'static str,
        default: &'static str,
    ) -> Self {
        KnownSetting { key, variables, about, allowed, default, secret: false, in_profiles: true }
    }

    pub(super) const fn secret(self) -> Self {
        KnownSetting { secret: true, ..self }
    }

    /// For what has to be known before a profile is looked for.
    const fn outside_profiles(self) -> Self {
        KnownSetting { in_profiles: false, ..self }
    }

    /// Returns the setting's name, which is that of the variable that counts most: `FLOWCORE_DATABASE_URL`.
    pub const fn name(&self) -> &'static str {
        self.variables[0]
    }

    /// Returns its key in files: `database.url`, which is `url` in the table `[database]`.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Lists the variables that set it, the one that counts most first.
    pub const fn variables(&self) -> &'static [&'static str] {
        self.variables
    }

    /// Says in a sentence what it is for.
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// Says what a value may be, as the end of a sentence that begins with "set it to".
    pub const fn allowed(&self) -> &'static str {
        self.allowed
    }

    /// Says what it is unless it is set.
    pub const fn default(&self) -> &'static str {
        self.default
    }

    /// Tells whether its value is never shown.
    pub const fn is_secret(&self) -> bool {
        self.secret
    }

    /// Tells whether a profile may set it.
    pub const fn is_in_profiles(&self) -> bool {
        self.in_profiles
    }
}

pub(super) const HOME: KnownSetting = KnownSetting::new(
    "home",
    &["FLOWCORE_HOME"],
    "The folder for everything that is kept on this machine.",
    "the path of a folder",
    "flowcore's folder among the user's data",
)
.outside_profiles();

pub(super) const PROFILE: KnownSetting = KnownSetting::new(
    "profile",
    &["FLOWCORE_PROFILE"],
    "The profile whose settings count.",
    "the name of a profile",
    "the active one of profiles.toml in the home folder",
)
.outside_profiles();

pub(super) const DATABASE_URL: KnownSetting = KnownSetting::new(
    "database.url",
    &["FLOWCORE_DATABASE_URL", "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL"],
    "The database that runs are recorded in.",
    "an address such as sqlite:///FOLDER/flowcore.db or postgresql://USER:PASSWORD@HOST/DATABASE, or the path of a file",
    "flowcore.db in the home folder",
);

pub(super) const API_URL: KnownSetting = KnownSetting::new(
    "api.url",
    &["FLOWCORE_API_URL", "PREFECT_API_URL"],
    "The server that runs are reported to, instead of a database.",
    "an address such as http://127.0.0.1:4200/api",
    "none: runs are recorded in the database",
);

pub(super) const API_KEY: KnownSetting = KnownSetting::new(
    "api.key",
    &["FLOWCORE_API_KEY", "PREFECT_API_KEY"],
    "The key by which the server knows who reports.",
    "a text",
    "none",
)
.secret();

pub(super) const API_AUTH_STRING: KnownSetting = KnownSetting::new(
    "api.auth_string",
    &["FLOWCORE_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"],
    "User and password for a server with basic authentication.",
    "USER:PASSWORD",
    "none",
)
.secret();

pub(super) const API_OUTBOX_LIMIT: KnownSetting = KnownSetting::new(
    "api.outbox_limit",
    &["FLOWCORE_API_OUTBOX_LIMIT"],
    "How much of what runs report may wait on disk while the server is away, of task runs and of log lines each.",
    "a number of bytes, or one with KiB or MiB behind it",
    "1024 MiB",
);

pub(super) const SQLITE_SYNCHRONOUS: KnownSetting = KnownSetting::new(
    "sqlite.synchronous",
    &["FLOWCORE_SQLITE_SYNCHRONOUS"],
    "When SQLite waits until the disk has what it wrote.",
    "FULL (what is committed outlasts a power failure) or NORMAL (it outlasts the process)",
    "FULL",
);

pub(super) const RESULT_STORAGE: KnownSetting = KnownSetting::new(
    "result_storage",
    &["FLOWCORE_RESULT_STORAGE"],
    "Where large and cached results are kept.",
    "an address such as file:///FOLDER or s3://BUCKET/PREFIX, or the path of a folder",
    "the folder results in the home folder",
);

pub(super) const LOGGING_LEVEL: KnownSetting = KnownSetting::new(
    "logging.level",
    &["FLOWCORE_LOGGING_LEVEL", "PREFECT_LOGGING_LEVEL"],
    "The least grave log lines that are printed and kept.",
    "one of TRACE, DEBUG, INFO, WARNING and ERROR",
    "INFO",
);

pub(super) const LOGGING_EXTRA_TARGETS: KnownSetting = KnownSetting::new(
    "logging.extra_targets",
    &["FLOWCORE_LOGGING_EXTRA_TARGETS", "PREFECT_LOGGING_EXTRA_LOGGERS"],
    "Whose log lines are kept with runs beside those of the program itself.",
    "names of crates or targets with commas between, such as sqlx,my_library::client, or * for all",
    "none",
);

pub(super) const UI_URL: KnownSetting = KnownSetting::new(
    "ui.url",
    &["FLOWCORE_UI_URL", "PREFECT_UI_URL"],
    "Where people look at runs.",
    "the address of a user interface, such as http://localhost:4200",
    "none",
);

pub(super) const INLINE_RESULT_LIMIT: KnownSetting = KnownSetting::new(
    "inline_result_limit",
    &["FLOWCORE_INLINE_RESULT_LIMIT"],
    "Up to so many bytes a result is kept in its run's row.",
    "a number of bytes, such as 16384, or one of KiB or MiB, such as 16KiB",
    "16384",
);

pub(super) const TASK_LIMIT: KnownSetting = KnownSetting::new(
    "task_limit",
    &["FLOWCORE_TASK_LIMIT"],
    "How many submitted tasks of a flow run run at once.",
    "a number of tasks, at least 1",
    "256",
);

pub(super) const AGENT_LIMIT: KnownSetting = KnownSetting::new(
    "agent.max_concurrent_flow_runs",
    &["FLOWCORE_AGENT_MAX_CONCURRENT_FLOW_RUNS", "PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS"],
    "How many flow runs `flowcore agent start` executes at once.",
    "a number of flow runs, at least 1",
    "as many as are due",
);

pub(super) const DEFAULT_WORK_POOL: KnownSetting = KnownSetting::new(
    "deployments.default_work_pool_name",
    &[
        "FLOWCORE_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME",
        "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME",
        "PREFECT_DEFAULT_WORK_POOL_NAME",
    ],
    "The work pool of deployments that name none.",
    "a name",
    "",
);

pub(super) const LOCK_MANAGER: KnownSetting = KnownSetting::new(
    "lock_manager",
    &["FLOWCORE_LOCK_MANAGER"],
    "Where locks on cache keys and on keys of transactions are kept.",
    "DATABASE (they hold between all processes that share the database) or FOLDER (between those that share the home folder)",
    "DATABASE with PostgreSQL, otherwise FOLDER",
);

pub(super) const ENCRYPTION_KEY: KnownSetting = KnownSetting::new(
    "encryption.key",
    &["FLOWCORE_ENCRYPTION_KEY"],
    "The key that the server encrypts blocks with.",
    "32 random bytes in Base64; several with commas between, of which the first encrypts and all decrypt",
    "the file encryption.key in the home folder, which the server makes",
)
.secret();

pub(super) const S3_ENDPOINT: KnownSetting = KnownSetting::new(
    "s3.endpoint",
    &["FLOWCORE_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    "The server behind s3:// addresses.",
    "an address such as http://localhost:9000",
    "Amazon's",
);

pub(super) const S3_REGION: KnownSetting = KnownSetting::new(
    "s3.region",
    &["FLOWCORE_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
    "The region of the S3 server.",
    "a name such as eu-central-1",
    "none; any with an endpoint",
);

pub(super) const S3_ACCESS_KEY_ID: KnownSetting = KnownSetting::new(
    "s3.access_key_id",
    &["FLOWCORE_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"],
    "Who asks the S3 server.",
    "a text",
    "none",
);

pub(super) const S3_SECRET_ACCESS_KEY: KnownSetting = KnownSetting::new(
    "s3.secret_access_key",
    &["FLOWCORE_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"],
    "The secret that belongs to the access key.",
    "a text",
    "none",
)
.secret();

pub(super) const S3_SESSION_TOKEN: KnownSetting = KnownSetting::new(
    "s3.session_token",
    &["FLOWCORE_S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"],
    "The token of temporary credentials.",
    "a text",
    "none",
)
.secret();

pub(super) const S3_ALLOW_HTTP: KnownSetting = KnownSetting::new(
    "s3.allow_http",
    &["FLOWCORE_S3_ALLOW_HTTP", "AWS_ALLOW_HTTP"],
    "Whether requests to the S3 server may go unencrypted.",
    "true or false",
    "as the endpoint's scheme says",
);

pub(super) const S3_PATH_STYLE: KnownSetting = KnownSetting::new(
    "s3.path_style",
    &["FLOWCORE_S3_PATH_STYLE"],
    "Whether the bucket is named in the path of a request rather than in its host.",
    "true or false",
    "true with an endpoint",
);

static ALL: &[&KnownSetting] = &[
    &HOME,
    &PROFILE,
    &DATABASE_URL,
    &API_URL,
    &API_KEY,
    &API_AUTH_STRING,
    &API_OUTBOX_LIMIT,
    &SQLITE_SYNCHRONOUS,
    &RESULT_STORAGE,
    &LOGGING_LEVEL,
    &LOGGING_EXTRA_TARGETS,
    &UI_URL,
    &INLINE_RESULT_LIMIT,
    &TASK_LIMIT,
    &AGENT_LIMIT,
    &DEFAULT_WORK_POOL,
    &LOCK_MANAGER,
    &server::SERVER_REGISTER_BLOCKS,
    &ENCRYPTION_KEY,
    &server::LOGGING_FORMAT,
    &server::UI_API_URL,
    &server::SERVER_HOST,
    &server::SERVER_PORT,
    &server::SERVER_AUTH_STRING,
    &server::SERVER_BASE_PATH,
    &server::SERVER_CORS_ORIGINS,
    &server::SERVER_CORS_METHODS,
    &server::SERVER_CORS_HEADERS,
    &server::SERVER_CSRF_PROTECTION,
    &server::SERVER_CSRF_EXPIRATION,
    &server::SERVER_ALLOW_DATABASE_CLEAR,
    &services::SCHEDULER,
    &services::LATE_RUNS,
    &services::PAUSE_EXPIRATIONS,
    &services::CANCELLATION_CLEANUP,
    &services::FOREMAN,
    &services::LATE_RUNS_AFTER,
    &services::ZOMBIES,
    &services::ZOMBIES_AFTER,
    &services::REPOSSESSOR,
    &services::VACUUM,
    &services::VACUUM_PERIOD,
    &services::VACUUM_BATCH,
    &services::KEEP_FLOW_RUNS,
    &services::KEEP_LOGS,
    &services::KEEP_EVENTS,
    &S3_ENDPOINT,
    &S3_REGION,
    &S3_ACCESS_KEY_ID,
    &S3_SECRET_ACCESS_KEY,
    &S3_SESSION_TOKEN,
    &S3_ALLOW_HTTP,
    &S3_PATH_STYLE,
];

/// Lists every setting, in the order in which they are shown.
pub fn known_settings() -> impl Iterator<Item = &'static KnownSetting> {
    ALL.iter().copied()
}

/// Tells whether flowcore sets or reads this variable for its own ends, or a worker does, which is a program of its own.
pub(super) fn is_internal(variable: &str) -> bool {
    let own = ["FLOWCORE_TEST_", "FLOWCORE_WORKER_"];
    matches!(variable, "FLOWCORE_EXECUTE_FLOW_RUN" | "FLOWCORE_ENDS_BY_INPUT" | "FLOWCORE_DESCRIBE_TO")
        || own.iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::names;
    use super::*;

    /// Whoever knows the variable can guess the key, and the other way round.
    #[test]
    fn keys_are_the_names_of_variables_in_lower_case() {
        for known in known_settings() {
            assert_eq!(format!("FLOWCORE_{}", known.key().replace('.', "_").to_uppercase()), known.name());
            assert!(known.about().ends_with('.') && !known.allowed().ends_with('.'), "{known:?}");
        }
    }

    #[test]
    fn every_setting_is_found_by_each_of_its_names() {
        for known in known_settings() {
            for name in known.variables().iter().chain([&known.key()]) {
                let found = names::find_setting(name).unwrap();
                assert_eq!((found.setting.name(), found.from_file), (known.name(), false), "{name}");
            }
        }
    }
}
