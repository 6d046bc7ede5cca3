//! Which part of the rows a client wants.

use std::num::NonZeroU32;

use axum::http::StatusCode;
use flowcore::model::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::ApiError;

/// How many rows a request gets at most, as in Prefect.
const MOST: i64 = 200;

/// How many rows a client wants, behind how many others.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Paging {
    /// At most so many; 200, if nothing is said.
    limit: Option<i64>,
    /// Behind so many.
    #[serde(default, deserialize_with = "or_default")]
    offset: u32,
}

impl Paging {
    /// Gives the part of the rows, at most 200 of them.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        page(self.limit, self.offset)
    }
}

/// How many rows a client wants.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Limit {
    /// At most so many; 200, if nothing is said.
    limit: Option<i64>,
}

impl Limit {
    /// Gives the first rows, at most 200 of them.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        page(self.limit, 0)
    }
}

/// Reads a value where `null` says the same as its absence.
pub(crate) fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Which page a client wants.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(crate) struct Pages {
    /// How long a page is; 200, if nothing is said.
    limit: Option<i64>,
    /// Its number, from 1.
    #[serde(default = "first", deserialize_with = "or_first")]
    page: NonZeroU32,
}

fn first() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn or_first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(first))
}

impl Pages {
    /// Gives the part of the rows that is on the page.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        let length = page(self.limit, 0)?.limit;
        page(self.limit, (self.page.get() - 1).saturating_mul(length))
    }

    /// Writes the page as answers have it.
    pub(crate) fn answer<T>(&self, page: Page, count: u64, results: Vec<T>) -> Paginated<T> {
        Paginated { results, count, limit: page.limit, pages: pages(page, count), page: self.page }
    }

    /// Gives the number of the page.
    pub(crate) fn number(&self) -> i64 {
        i64::from(self.page.get())
    }
}

/// Tells how many pages of this length there are.
pub(crate) fn pages(page: Page, count: u64) -> u64 {
    if page.limit == 0 { 0 } else { count.div_ceil(u64::from(page.limit)) }
}

/// A page of objects, and how many there are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Paginated<T> {
    results: Vec<T>,
    count: u64,
    limit: u32,
    pages: u64,
    page: NonZeroU32,
}

/// Gives the part of the rows, at most 200 of them.
fn page(limit: Option<i64>, offset: u32) -> Result<Page, ApiError> {
    let refuse = |why: String| Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
    let limit = limit.unwrap_or(MOST);
    if limit < 0 {
        return refuse("Invalid limit: must be greater than or equal to 0.".to_owned());
    }
    if limit > MOST {
        return refuse(format!("Invalid limit: must be less than or equal to {MOST}."));
    }
    Ok(Page { limit: u32::try_from(limit).unwrap_or(0), offset })
}
