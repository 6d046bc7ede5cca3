//! Reading what other servers write in more ways than ours does.

use serde::{Deserialize, Deserializer};

use crate::model::Labels;

/// Reads labels, which Prefect's server leaves out as null where a run has none.
pub(super) fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
