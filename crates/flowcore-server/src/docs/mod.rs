//! The API's documentation: the OpenAPI document, and a page that shows it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::routes::Routes;
use crate::state::App;

/// The page. It loads nothing but the document.
const PAGE: &str = include_str!("page.html");

/// Routes of the documentation of a table.
pub(crate) fn routes(table: &Routes, base: &str) -> Router<App> {
    let document = table.document(&format!("{base}/api")).to_string();
    let document = get(async move || ([(CONTENT_TYPE, "application/json")], document).into_response());
    Router::new()
        .route("/docs", get(async || Html(PAGE)))
        .route("/openapi.json", document.clone())
        .route("/api/openapi.json", document)
}
