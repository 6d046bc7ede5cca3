//! A stored result: one line of JSON that describes it, a line feed, and the serialized result.
//!
//! Every bit is covered: the payload by its size and hash in the line, the line by a hash at its own end.

use serde::{Deserialize, Serialize};

use super::{CachedCall, Serializer, StoredEntry};
use crate::model::{ResultMetadata, Timestamp};

/// What became of looking for a result. Anything but `Found` is a miss: the caller computes the result anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The result is here, and whole.
    Found {
        /// What the record says about itself.
        metadata: ResultMetadata,
        /// The serialized result.
        payload: Vec<u8>,
    },
    /// There is no record of this key.
    Missing,
    /// The record's expiration has come.
    Expired,
    /// The record is truncated, altered or not the one that was asked for. It deserves a warning.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The storage could not be asked. It deserves a warning.
    Unreachable {
        /// What failed, and what to check.
        reason: String,
    },
}

/// The line in front of the payload, without the hash at its end.
#[derive(Serialize, Deserialize)]
struct Head {
    /// For people and for later versions: nothing here decides by it.
    flowcore_version: String,
    /// For people, like the version.
    created: Timestamp,
    /// For people as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached: Option<CachedCall>,
    #[serde(flatten)]
    metadata: ResultMetadata,
}

/// What stands between the line's own hash and the rest of the line.
const SEAL: &str = ",\"seal\":\"";
/// The length of a hash in hexadecimal.
const HASH: usize = 64;

/// Describes a payload.
pub(super) fn describe(
    storage: &str,
    key: &str,
    serializer: Serializer,
    payload: &[u8],
    expiration: Option<Timestamp>,
) -> ResultMetadata {
    ResultMetadata {
        storage_key: key.to_owned(),
        storage: storage.to_owned(),
        serializer: serializer.to_string(),
        expiration,
        size: payload.len() as u64,
        checksum: blake3::hash(payload).to_hex().to_string(),
    }
}

/// Writes the line that goes in front of the payload, with its line feed.
pub(super) fn head(
    metadata: &ResultMetadata,
    created: Timestamp,
    cached: Option<CachedCall>,
) -> Result<Vec<u8>, serde_json::Error> {
    let (flowcore_version, metadata) = (env!("CARGO_PKG_VERSION").to_owned(), metadata.clone());
    let head = Head { flowcore_version, created, cached, metadata };
    let mut line = serde_json::to_vec(&head)?;
    line.pop(); // the closing brace, which comes back behind the seal
    let hash = blake3::hash(&line).to_hex();
    line.extend_from_slice(SEAL.as_bytes());
    line.extend_from_slice(hash.as_bytes());
    line.extend_from_slice(b"\"}\n");
    Ok(line)
}

/// Reads a record: `key` is whose it must be, and `expected` the result that it must hold, if that is known.
pub(super) fn read(mut blob: Vec<u8>, key: &str, expected: Option<&ResultMetadata>, now: Timestamp) -> Lookup {
    let Some(line_feed) = blob.iter().position(|byte| *byte == b'\n') else {
        return damaged("it has no complete first line");
    };
    let metadata = match read_head(&blob[..line_feed]) {
        Ok(head) => head.metadata,
        Err(reason) => return damaged(reason),
    };
    if metadata.storage_key != key {
        return damaged(format!("it belongs to the key `{}`", metadata.storage_key));
    }
    if metadata.expiration.is_some_and(|expiration| expiration <= now) {
        return Lookup::Expired;
    }
    // In place: a large payload is moved to the front rather than copied elsewhere.
    blob.drain(..=line_feed);
    if metadata.size != blob.len() as u64 {
        return damaged(format!("it should have {} bytes of payload and has {}", metadata.size, blob.len()));
    }
    if blake3::hash(&blob).to_hex().as_str() != metadata.checksum {
        return damaged("its payload does not have the checksum that was recorded");
    }
    if expected.is_some_and(|expected| expected.checksum != metadata.checksum) {
        return damaged("it was replaced by another result since the run recorded it");
    }
    Lookup::Found { metadata, payload: blob }
}

/// Tells what a record says of itself, from its beginning.
pub(super) fn entry_in(beginning: &[u8]) -> Option<StoredEntry> {
    let line = beginning.split(|byte| *byte == b'\n').next()?;
    let Head { metadata, created, cached, .. } = read_head(line).ok()?;
    Some(StoredEntry { metadata, created, cached })
}

fn read_head(line: &[u8]) -> Result<Head, String> {
    let unsealed = "its first line is not that of a whole result record";
    let seal_at = line.len().checked_sub(SEAL.len() + HASH + 2).ok_or(unsealed)?;
    let (body, seal) = line.split_at(seal_at);
    let expected = format!("{SEAL}{}\"}}", blake3::hash(body).to_hex());
    if seal != expected.as_bytes() {
        return Err(unsealed.to_owned());
    }
    serde_json::from_slice(line).map_err(|error| format!("its first line cannot be read: {error}"))
}

fn damaged(reason: impl Into<String>) -> Lookup {
    Lookup::Damaged { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::TimeDelta;

    use super::*;

    fn key_in(beginning: &[u8]) -> Option<String> {
        entry_in(beginning).map(|entry| entry.metadata.storage_key)
    }

    fn now() -> Timestamp {
        "2024-05-01T12:00:00.000001Z".parse().unwrap()
    }

    fn record(payload: &[u8], expiration: Option<Timestamp>) -> (ResultMetadata, Vec<u8>) {
        let metadata = describe("memory:x", "a\n\"key\"", Serializer::JSON, payload, expiration);
        let blob = [head(&metadata, now(), None).unwrap().as_slice(), payload].concat();
        (metadata, blob)
    }

    fn look(blob: &[u8]) -> Lookup {
        read(blob.to_vec(), "a\n\"key\"", None, now())
    }

    #[test]
    fn describes_itself_in_one_line_of_json() {
        let (metadata, blob) = record(b"{\n}\n", None);
        let text = String::from_utf8(blob.clone()).unwrap();
        let (line, payload) = text.split_once('\n').unwrap();
        assert_eq!(payload, "{\n}\n");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["flowcore_version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(line["created"], "2024-05-01T12:00:00.000001Z");
        assert_eq!(line["storage_key"], "a\n\"key\"");
        assert_eq!(line["size"], 4);
        assert_eq!(line["checksum"], blake3::hash(b"{\n}\n").to_hex().as_str());
        assert_eq!(look(&blob), Lookup::Found { metadata, payload: b"{\n}\n".to_vec() });
        assert_eq!(key_in(&blob).as_deref(), Some("a\n\"key\""));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (_, blob) = record(b"[1,2,3]", Some(now() + TimeDelta::hours(1)));
        for at in 0..blob.len() {
            for bit in 0..8 {
                let mut altered = blob.clone();
                altered[at] ^= 1 << bit;
                assert!(
                    matches!(look(&altered), Lookup::Damaged { .. }),
                    "bit {bit} of byte {at}: {:?}",
                    look(&altered)
                );
            }
            assert!(matches!(look(&blob[..at]), Lookup::Damaged { .. }), "cut at {at}");
        }
        let longer = [blob.as_slice(), b" "].concat();
        assert!(matches!(look(&longer), Lookup::Damaged { .. }));
        assert!(matches!(look(&blob), Lookup::Found { .. }));
    }

    #[test]
    fn expires_at_the_very_moment() {
        for (left, expired) in [(-1, true), (0, true), (1, false)] {
            let (_, blob) = record(b"1", Some(now() + TimeDelta::microseconds(left)));
            assert_eq!(look(&blob) == Lookup::Expired, expired, "{left} us left");
        }
    }

    #[test]
    fn is_of_one_key_and_holds_the_expected_result() {
        let (metadata, blob) = record(b"1", None);
        let other = read(blob.clone(), "other", None, now());
        assert!(matches!(&other, Lookup::Damaged { reason } if reason.contains("belongs to the key")), "{other:?}");
        let (replaced, _) = record(b"2", None);
        let other = read(blob.clone(), "a\n\"key\"", Some(&replaced), now());
        assert!(matches!(&other, Lookup::Damaged { reason } if reason.contains("replaced")), "{other:?}");
        assert!(matches!(read(blob, "a\n\"key\"", Some(&metadata), now()), Lookup::Found { .. }));
    }
}
