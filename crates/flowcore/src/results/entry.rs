//! What a stored record tells of itself without its payload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{ResultMetadata, Timestamp};

/// A record in a result storage, as its first line describes it.
#[derive(Clone, Debug, Serialize)]
pub struct StoredEntry {
    /// How to find and read it.
    #[serde(flatten)]
    pub metadata: ResultMetadata,
    /// When it was written.
    pub created: Timestamp,
    /// Which call's result it is, if it is an entry of the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<CachedCall>,
}

/// The call that an entry of the cache is the result of, as far as its key goes: entries with equal parts have equal keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedCall {
    /// The task's identity: its path in the code.
    pub task_key: String,
    /// What the key was made of, by name: `input url`, `task source`, `flow run`, `flow parameters`, `key`. Inputs,
    /// sources and parameters are hashes.
    pub parts: BTreeMap<String, String>,
}
