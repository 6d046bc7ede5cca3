//! Which pages of other sites a browser lets ask the server.

use axum::http::{HeaderName, HeaderValue, Method};
use flowcore::settings::CorsSettings;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

/// Makes the layer that tells browsers. What is no origin, method or header is left out.
pub(crate) fn pages_of_other_sites(settings: &CorsSettings) -> CorsLayer {
    let all = |names: &[String]| names.iter().any(|name| name == "*");
    let origins = if all(&settings.origins) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(settings.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let methods = if all(&settings.methods) {
        AllowMethods::any()
    } else {
        AllowMethods::list(settings.methods.iter().filter_map(|name| name.parse::<Method>().ok()))
    };
    let headers = if all(&settings.headers) {
        AllowHeaders::any()
    } else {
        AllowHeaders::list(settings.headers.iter().filter_map(|name| name.parse::<HeaderName>().ok()))
    };
    CorsLayer::new().allow_origin(origins).allow_methods(methods).allow_headers(headers)
}
