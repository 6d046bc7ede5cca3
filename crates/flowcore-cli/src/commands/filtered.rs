//! What a filter of the server's API selects.

use flowcore::client::Request;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;

/// How many things a server gives at once.
pub(super) const PAGE: usize = 200;

/// Reads all things that a filter selects, page by page. `path` is where the API filters them, `what` what is done there.
pub(super) async fn all<T: DeserializeOwned>(
    session: &Session<'_>,
    path: &str,
    what: &str,
    filter: &Value,
) -> Result<Vec<T>, Failure> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let mut body = filter.clone();
        (body["limit"], body["offset"]) = (json!(PAGE), json!(all.len()));
        let page: Vec<T> = session.client.ask(Request::post(path, what, &body)).await?.read()?;
        let is_full = page.len() == PAGE;
        all.extend(page);
        if !is_full {
            return Ok(all);
        }
    }
}
