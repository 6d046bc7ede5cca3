//! What a terminal state says about its outcome: the value, where it is stored, or the failure.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Timestamp;

/// The data of a terminal state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "Wire")]
pub enum StateData {
    /// The result itself, as JSON: results that are small enough to live in the run's own row.
    Inline {
        /// The value's JSON text.
        value: Box<RawValue>,
    },
    /// Where the result is stored.
    Stored {
        /// How to find and read it.
        record: Box<ResultMetadata>,
    },
    /// What another kind of client says, in its own form.
    Foreign {
        /// Its JSON text.
        value: Box<RawValue>,
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

/// The data as they are read. An enum with a tag inside would be buffered, out of which a value's own JSON text cannot
/// be had any more.
#[derive(Deserialize)]
struct Wire {
    kind: Kind,
    /// Absent also when the value is `null`.
    value: Option<Box<RawValue>>,
    record: Option<ResultMetadata>,
    #[serde(default)]
    chain: Vec<String>,
    location: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Inline,
    Stored,
    Foreign,
    Failure,
}

impl TryFrom<Wire> for StateData {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        Ok(match wire.kind {
            Kind::Inline => StateData::Inline { value: wire.value.unwrap_or_else(|| RawValue::NULL.to_owned()) },
            Kind::Stored => {
                StateData::Stored { record: wire.record.map(Box::new).ok_or("a stored result has no record")? }
            }
            Kind::Foreign => StateData::Foreign { value: wire.value.unwrap_or_else(|| RawValue::NULL.to_owned()) },
            Kind::Failure => StateData::Failure { chain: wire.chain, location: wire.location },
        })
    }
}

impl PartialEq for StateData {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (StateData::Inline { value: a }, StateData::Inline { value: b })
            | (StateData::Foreign { value: a }, StateData::Foreign { value: b }) => a.get() == b.get(),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn data_are_read_as_they_were_written() {
        let inline = |text: &str| StateData::Inline { value: RawValue::from_string(text.to_owned()).unwrap() };
        let record = ResultMetadata {
            storage_key: "a".to_owned(),
            storage: "memory:".to_owned(),
            serializer: "json".to_owned(),
            expiration: None,
            size: 1,
            checksum: "b".to_owned(),
        };
        for data in [
            inline("null"),
            inline("1.50"),
            inline(r#"{"b": [1, {"kind": "failure"}], "a": 1}"#),
            StateData::Stored { record: Box::new(record) },
            StateData::Failure { chain: vec!["a".to_owned(), "b".to_owned()], location: None },
            StateData::Failure { chain: vec!["a".to_owned()], location: Some("src/main.rs:1:2".to_owned()) },
        ] {
            let text = serde_json::to_string(&data).unwrap();
            assert_eq!(serde_json::from_str::<StateData>(&text).unwrap(), data, "{text}");
        }
    }

    #[test]
    fn a_stored_result_without_a_record_is_refused() {
        let error = serde_json::from_str::<StateData>(r#"{"kind": "stored"}"#).unwrap_err();
        assert!(error.to_string().contains("no record"), "{error}");
    }
}
