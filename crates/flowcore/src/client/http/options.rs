//! What a client over HTTP is made of.

use std::path::PathBuf;
use std::time::Duration;

/// Says which server a client talks to, who it is, and what it does while the server is away.
#[derive(Clone)]
pub struct HttpOptions {
    /// The address of the server's API, without a slash at the end: `http://127.0.0.1:4200/api`.
    pub url: String,
    /// The key that is sent with each request, if there is one.
    pub key: Option<String>,
    /// User and password for basic authentication, with a colon between.
    pub auth_string: Option<String>,
    /// The folder for what the server is to get when it is back: `FLOWCORE_HOME`.
    pub home: PathBuf,
    /// How many bytes may wait there, of task runs' events and of log lines each.
    pub outbox_limit: u64,
    /// For how long a request is repeated that cannot wait on disk, such as one for a new flow run.
    pub patience: Duration,
}

impl HttpOptions {
    /// How long a program with runs waits for its server: an outage of this length fails no run.
    pub const FOR_RUNS: Duration = Duration::from_secs(15 * 60);

    /// How long a command waits, at which somebody sits.
    pub const FOR_COMMANDS: Duration = Duration::from_secs(10);

    /// Says what to look at when the server does not accept who asks.
    pub(super) fn refused(&self) -> &'static str {
        match (&self.key, &self.auth_string) {
            (Some(_), _) => "it does not accept the key in FLOWCORE_API_KEY",
            (None, Some(_)) => {
                "it does not accept what FLOWCORE_API_AUTH_STRING says: give the user and the password that the server was \
                 started with, `user:password`"
            }
            (None, None) => "set FLOWCORE_API_AUTH_STRING to `user:password`, or FLOWCORE_API_KEY to a key",
        }
    }
}
