//! Whether somebody takes work.

use flowcore::store::StoreError;
use flowcore::store::records::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether somebody takes work out of a pool or a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Readiness {
    /// Somebody does.
    Ready,
    /// Nobody does.
    NotReady,
    /// Nobody may.
    Paused,
}

impl Readiness {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Readiness::Ready => "READY",
            Readiness::NotReady => "NOT_READY",
            Readiness::Paused => "PAUSED",
        }
    }

    /// Reads what a row says.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        [Readiness::Ready, Readiness::NotReady, Readiness::Paused]
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| StoreError::Other(format!("`{text}` is no status of a work pool")))
    }
}

impl From<Readiness> for Value {
    fn from(readiness: Readiness) -> Self {
        Value::from(readiness.as_str())
    }
}
