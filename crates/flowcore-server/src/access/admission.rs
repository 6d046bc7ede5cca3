//! The door: what every request passes, whichever route it is for.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::credentials::sent;
use super::run_tokens::is_for_runs;
use super::version;
use crate::routes::Routes;
use crate::state::App;

/// What is known of routes by their paths, where the router has them.
pub(crate) struct Admission {
    app: App,
    /// Below what the API is.
    api: String,
    open: HashSet<String>,
    of_any_version: HashSet<String>,
    websockets: HashSet<String>,
}

impl Admission {
    pub(crate) fn new(app: App, table: &Routes) -> Self {
        let api = app.config.base_path.clone();
        let among = |paths: Vec<String>| paths.into_iter().map(|path| format!("{api}{path}")).collect();
        Admission {
            open: among(table.open_paths()),
            of_any_version: among(table.paths_of_any_version()),
            websockets: among(table.websocket_paths()),
            app,
            api,
        }
    }

    /// Tells whether a request may pass without credentials: to what is open to read, and to a websocket that will ask for
    /// them in its first message, as only Prefect's subprotocol does.
    fn is_open(&self, path: Option<&str>, request: &Request) -> bool {
        let Some(path) = path else { return false };
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        let asks_itself = || {
            let headers = request.headers();
            let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
            let mut protocols = protocols.flat_map(|value| value.split(',')).map(str::trim);
            headers.contains_key(UPGRADE) && protocols.any(|protocol| protocol == "prefect")
        };
        reads && (self.open.contains(path) || (self.websockets.contains(path) && asks_itself()))
    }
}

impl Admission {
    /// Tells whether a run asks by its token for what runs may have.
    async fn is_of_a_run(&self, path: Option<&str>, method: &Method, headers: &HeaderMap) -> bool {
        let path = path.and_then(|path| path.strip_prefix(&self.api));
        let sent = sent(headers).and_then(|sent| String::from_utf8(sent).ok());
        match (path, sent) {
            (Some(path), Some(sent)) if is_for_runs(method, path) => {
                self.app.config.run_tokens.are_good(&self.app, &sent).await
            }
            _ => false,
        }
    }
}

/// Lets a request pass, or refuses it.
pub(crate) async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let config = &admission.app.config;
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = path.as_deref();
    if let Some(credentials) = &config.credentials
        && !admission.is_open(path, &request)
        && !credentials.are_in(request.headers())
        && !admission.is_of_a_run(path, request.method(), request.headers()).await
    {
        let refused = (StatusCode::UNAUTHORIZED, Json(json!({"exception_message": "Unauthorized"}))).into_response();
        // A browser asks for the password of a page; a program knows what it has to send.
        let is_page = !request.uri().path().starts_with(&admission.api);
        return if is_page { ([(WWW_AUTHENTICATE, "Basic")], refused).into_response() } else { refused };
    }
    if let Some(csrf) = &config.csrf
        && let Err(refused) = csrf.check(request.method(), request.headers(), admission.app.now())
    {
        return refused.into_response();
    }
    if path.is_some_and(|path| !admission.of_any_version.contains(path))
        && let Err(refused) = version::check(request.headers())
    {
        return refused.into_response();
    }
    next.run(request).await
}
