//! Every variable that is read, in one table.

/// A setting and the variables that set it.
#[derive(Debug)]
pub(super) struct Known {
    /// The variables, the one that counts most first. The first one names the setting.
    pub(super) variables: &'static [&'static str],
    /// What a value may be, as the end of a sentence that begins with "set it to".
    pub(super) allowed: &'static str,
    /// Whether the value is never shown.
    pub(super) secret: bool,
}

impl Known {
    const fn new(variables: &'static [&'static str], allowed: &'static str) -> Self {
        Known { variables, allowed, secret: false }
    }

    const fn secret(self) -> Self {
        Known { secret: true, ..self }
    }

    /// The setting's name.
    pub(super) const fn name(&self) -> &'static str {
        self.variables[0]
    }
}

pub(super) const HOME: Known = Known::new(&["FLOWCORE_HOME"], "the path of a folder");

pub(super) const DATABASE_URL: Known = Known::new(
    &["FLOWCORE_DATABASE_URL", "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL"],
    "an address such as sqlite:///FOLDER/flowcore.db or postgresql://USER:PASSWORD@HOST/DATABASE, or the path of a file",
);

pub(super) const SQLITE_SYNCHRONOUS: Known = Known::new(
    &["FLOWCORE_SQLITE_SYNCHRONOUS"],
    "FULL (what is committed outlasts a power failure) or NORMAL (it outlasts the process)",
);

pub(super) const RESULT_STORAGE: Known = Known::new(
    &["FLOWCORE_RESULT_STORAGE"],
    "an address such as file:///FOLDER or s3://BUCKET/PREFIX, or the path of a folder",
);

pub(super) const LOGGING_LEVEL: Known =
    Known::new(&["FLOWCORE_LOGGING_LEVEL", "PREFECT_LOGGING_LEVEL"], "one of TRACE, DEBUG, INFO, WARNING and ERROR");

pub(super) const INLINE_RESULT_LIMIT: Known = Known::new(
    &["FLOWCORE_INLINE_RESULT_LIMIT"],
    "a number of bytes, such as 16384, or one of KiB or MiB, such as 16KiB",
);

pub(super) const TASK_LIMIT: Known = Known::new(&["FLOWCORE_TASK_LIMIT"], "a number of tasks, at least 1");

/// Settings of the S3 result storage. They are read where the storage is opened; here they are only listed.
pub(super) const S3: [Known; 7] = {
    const ANY: &str = "a text";
    const FLAG: &str = "true or false";
    [
        Known::new(&["FLOWCORE_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], ANY),
        Known::new(&["FLOWCORE_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"], ANY),
        Known::new(&["FLOWCORE_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"], ANY),
        Known::new(&["FLOWCORE_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"], ANY).secret(),
        Known::new(&["FLOWCORE_S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"], ANY).secret(),
        Known::new(&["FLOWCORE_S3_ALLOW_HTTP", "AWS_ALLOW_HTTP"], FLAG),
        Known::new(&["FLOWCORE_S3_PATH_STYLE"], FLAG),
    ]
};

const OWN: [&Known; 7] =
    [&HOME, &DATABASE_URL, &SQLITE_SYNCHRONOUS, &RESULT_STORAGE, &LOGGING_LEVEL, &INLINE_RESULT_LIMIT, &TASK_LIMIT];

/// Lists every setting.
pub(super) fn all() -> impl Iterator<Item = &'static Known> {
    OWN.into_iter().chain(&S3)
}

/// Tells whether flowcore sets or reads this variable for its own ends.
pub(super) fn is_internal(variable: &str) -> bool {
    variable == "FLOWCORE_EXECUTE_FLOW_RUN" || variable.starts_with("FLOWCORE_TEST_")
}
