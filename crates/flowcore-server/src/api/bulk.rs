//! What is done to many objects at once.

use flowcore::model::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::extract::within;

/// How many objects at once, at most, as in Prefect.
const MOST: u32 = 50;

/// How many objects.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Limit {
    /// From 1 to 50.
    #[serde(default = "most", deserialize_with = "few")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
}

fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=MOST)
}

fn most() -> u32 {
    MOST
}

impl Limit {
    /// Gives the first so many rows.
    pub(super) fn page(self) -> Page {
        Page::first(self.limit)
    }
}

/// What was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deleted {
    pub(super) deleted: Vec<Uuid>,
}
