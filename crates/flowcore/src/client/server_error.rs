//! What can go wrong between a client and its server.

use std::path::PathBuf;
use std::time::Duration;

/// Says why a server did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServerError {
    /// It did not answer, or said that it cannot now, for as long as it was asked again.
    #[error("the server at {url} cannot be reached: {reason}; check FLOWCORE_API_URL, and that the server runs")]
    Away {
        /// The address of its API.
        url: String,
        /// What happened last.
        reason: String,
        /// For how long it wants to be left alone, if it says that.
        after: Option<Duration>,
    },
    /// It wants to know who asks, or that one may not ask this.
    #[error("the server does not let this program {what} ({status}): {instead}")]
    Forbidden {
        /// What it was asked.
        what: String,
        /// The status of its answer.
        status: u16,
        /// Which setting to look at.
        instead: &'static str,
    },
    /// It will not do it.
    #[error("the server refused to {what} ({status}): {detail}")]
    Refused {
        /// What it was asked.
        what: String,
        /// The status of its answer.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// Its answer is not what this version of its API says.
    #[error("what the server answered to {what} cannot be read: {reason}; check that FLOWCORE_API_URL ends with /api")]
    Unreadable {
        /// What it was asked.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// Its API has nothing like that.
    #[error("{what} is not possible with a server: {instead}")]
    NotOffered {
        /// What was asked for.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// What the server is to get when it is back cannot be kept until then.
    #[error(
        "the server is away, and what it is to get later cannot be kept in {folder}: {reason}; check FLOWCORE_HOME and \
         FLOWCORE_API_OUTBOX_LIMIT"
    )]
    NotKept {
        /// Where it would be kept.
        folder: PathBuf,
        /// Why it cannot.
        reason: String,
    },
    /// The client cannot begin.
    #[error("the client of the server cannot start: {0}")]
    NotStarted(String),
}

impl ServerError {
    /// Tells whether the server may answer otherwise later.
    pub fn is_passing(&self) -> bool {
        matches!(self, ServerError::Away { .. })
    }

    /// Tells for how long the server wants to be left alone, if it says that.
    pub fn wants_rest(&self) -> Option<Duration> {
        match self {
            ServerError::Away { after, .. } => *after,
            _ => None,
        }
    }
}
