//! The API's documentation: the OpenAPI document, and a page that shows it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::config::Config;
use crate::routes::Routes;
use crate::state::App;

/// The page. It loads nothing but the document.
const PAGE: &str = include_str!("page.html");

/// Routes of the documentation of a table: beside the API and, as Prefect has it, at the root.
pub(crate) fn routes(table: &Routes, config: &Config) -> Router<App> {
    let base = &config.base_path;
    let document = table.document(config.ui_api_url.as_ref().unwrap_or(base)).to_string();
    let document = get(async move || ([(CONTENT_TYPE, "application/json")], document).into_response());
    Router::new()
        .route("/docs", get(async || Html(PAGE)))
        .route("/openapi.json", document.clone())
        .route(&format!("{base}/openapi.json"), document)
}
