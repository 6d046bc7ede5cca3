//! Numbers within bounds.

use std::ops::RangeBounds;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Reads a number, and refuses one beyond the bounds. The schema of the body has them as well, and from there the client is told.
pub(crate) fn within<'de, T, D>(deserializer: D, bounds: impl RangeBounds<T>) -> Result<T, D::Error>
where
    T: Deserialize<'de> + PartialOrd,
    D: Deserializer<'de>,
{
    let number = T::deserialize(deserializer)?;
    if bounds.contains(&number) { Ok(number) } else { Err(D::Error::custom("it is out of bounds")) }
}
