//! Tokens by which clients ask for the next page of events: all that has to be known for it, as one text.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::filter::EventFilter;

/// What a client has asked for, and where it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PageToken {
    pub(crate) filter: EventFilter,
    /// How many events there are in all.
    pub(crate) count: u64,
    pub(crate) page_size: u32,
    pub(crate) offset: u32,
}

impl PageToken {
    /// Writes a token that can stand in an address.
    pub(crate) fn encode(&self) -> Option<String> {
        Some(BASE64URL_NOPAD.encode(&serde_json::to_vec(self).ok()?))
    }

    /// Reads a token; none if it is none of ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
    }
}
