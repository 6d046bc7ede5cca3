//! What is done to many objects at once.

use axum::http::StatusCode;
use flowcore::model::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::ApiError;

/// How many objects at once, at most, as in Prefect.
const MOST: u32 = 50;

/// How many objects.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Limit {
    /// From 1 to 50.
    #[serde(default = "most")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
}

fn most() -> u32 {
    MOST
}

impl Limit {
    /// Gives the first so many rows.
    pub(super) fn page(self) -> Result<Page, ApiError> {
        if (1..=MOST).contains(&self.limit) {
            return Ok(Page::first(self.limit));
        }
        let why = format!("Invalid limit: must be from 1 to {MOST}.");
        Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why))
    }
}

/// What was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deleted {
    pub(super) deleted: Vec<Uuid>,
}
