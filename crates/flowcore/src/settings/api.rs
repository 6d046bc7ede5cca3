//! The server that runs are reported to.

/// Which server runs are reported to, and how it knows who reports.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// The address of its API, without a slash at the end. Without one runs are recorded in the database. Set by
    /// `FLOWCORE_API_URL` or `PREFECT_API_URL`.
    pub url: Option<String>,
    /// The key that is sent with each request. Set by `FLOWCORE_API_KEY` or `PREFECT_API_KEY`.
    pub key: Option<String>,
    /// User and password, with a colon between. Set by `FLOWCORE_API_AUTH_STRING` or `PREFECT_API_AUTH_STRING`.
    pub auth_string: Option<String>,
    /// How many bytes may wait on disk while the server is away, of task runs and of log lines each. Set by
    /// `FLOWCORE_API_OUTBOX_LIMIT`; 1 GiB by default.
    pub outbox_limit: u64,
}
