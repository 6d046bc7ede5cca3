//! Values that are kept as JSON texts, and times.

use chrono::DateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Timestamp;
use crate::store::StoreError;

/// Writes a value as JSON. The model's types can always be written: their maps have texts as keys.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a value could not be written as JSON");
        "null".to_owned()
    })
}

/// Reads what [`json`] wrote.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Row(error.to_string()))
}

/// Returns a time as it is kept: microseconds since 1970.
pub(in crate::store::sql) fn micros(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

/// Reads what [`micros`] wrote.
pub(in crate::store::sql) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| StoreError::Row(format!("{micros} is not a time")))
}

/// Reads a number that fits into 32 bits.
pub(super) fn int32(value: i64) -> Result<i32, StoreError> {
    i32::try_from(value).map_err(|_| StoreError::Row(format!("{value} is too large a number")))
}
