//! What a terminal state says about its outcome: the value, where it is stored, or the failure.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Timestamp;

/// The data of a terminal state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateData {
    /// The result itself, as JSON: results that are small enough to live in the run's own row.
    Inline {
        /// The value's JSON text.
        value: Box<RawValue>,
    },
    /// Where the result is stored.
    Stored {
        /// How to find and read it.
        record: ResultMetadata,
    },
    /// Why the run failed.
    Failure {
        /// The error and its causes, outermost first.
        chain: Vec<String>,
        /// Where a panic happened: `src/main.rs:12:5`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
}

impl PartialEq for StateData {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (StateData::Inline { value: a }, StateData::Inline { value: b }) => a.get() == b.get(),
            (StateData::Stored { record: a }, StateData::Stored { record: b }) => a == b,
            (StateData::Failure { chain: a, location: x }, StateData::Failure { chain: b, location: y }) => {
                a == b && x == y
            }
            _ => false,
        }
    }
}

/// Describes a stored result: the head of a result record, which is enough to find and read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultMetadata {
    /// The key in the storage.
    pub storage_key: String,
    /// The storage's address, such as `file:///var/lib/flowcore/results` or `s3://bucket/prefix`.
    pub storage: String,
    /// The serializer's name: `json`, `msgpack`, with `/gzip` behind it when compressed.
    pub serializer: String,
    /// When the result stops being valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
    /// The size of the serialized result in bytes.
    pub size: u64,
    /// Blake3 of the serialized result, in hexadecimal: what tells a damaged record from a whole one.
    pub checksum: String,
}
