//! What is logged of each request.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::App;

/// Names a request in the logs of all that it passes.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a name that comes with the request may be.
const LONGEST_ID: usize = 64;

/// Logs a request when it is answered: one that failed as a warning, the others for who looks closely.
pub(crate) async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let sent = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_name =
        |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    let id = sent.filter(is_name).map_or_else(|| app.clock.uuid().to_string(), str::to_owned);
    // Without what is behind the path, which may be secret.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status();
    let (status, is_failure) = (status.as_u16(), status.is_server_error());
    let duration_ms = began.elapsed().as_secs_f64() * 1e3;
    if is_failure {
        tracing::warn!(target: "flowcore_server", request_id = id, %method, path, status, duration_ms, "a request failed");
    } else {
        tracing::debug!(target: "flowcore_server", request_id = id, %method, path, status, duration_ms, "answered");
    }
    response
}
