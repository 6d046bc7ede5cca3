//! The API's documentation: the OpenAPI document, and a page that shows it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::config::Config;
use crate::routes::Routes;
use crate::state::App;

/// The page. It loads nothing but the document.
const PAGE: &str = include_str!("page.html");

/// Routes of the documentation of a table: beside the API and, as Prefect has it, at the root.
pub(crate) fn routes(table: fn() -> Routes, config: &Config) -> Router<App> {
    let base = &config.base_path;
    let url = config.ui_api_url.as_ref().unwrap_or(base).clone();
    // Written for the first who asks: few do, and to write it takes longer than all else that a server does at its start.
    let document = Arc::new(LazyLock::new(move || Bytes::from(table().document(&url).to_string())));
    let document = get(async move || ([(CONTENT_TYPE, "application/json")], Bytes::clone(&document)).into_response());
    Router::new()
        .route("/docs", get(async || Html(PAGE)))
        .route("/openapi.json", document.clone())
        .route(&format!("{base}/openapi.json"), document)
}
