//! On whose behalf something is made: what acts for an automation says so in headers.

use axum::http::HeaderMap;
use data_encoding::BASE64;
use flowcore::model::Creator;

const AUTOMATION: &str = "AUTOMATION";

/// Reads which automation a request is made for: its id, and its name in Base64.
pub(super) fn creator(headers: &HeaderMap) -> Option<Creator> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let id = text("prefect-automation-id")?.parse().ok()?;
    let name = BASE64.decode(text("prefect-automation-name")?.as_bytes()).ok()?;
    let name = String::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some(Creator { id: Some(id), kind: Some(AUTOMATION.to_owned()), display_value: Some(name) })
}
