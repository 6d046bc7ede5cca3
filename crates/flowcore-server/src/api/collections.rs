//! What is known of kinds of work pools beyond this server.

use std::sync::LazyLock;

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::Path;
use crate::routes::{Routes, op};

/// Kinds of workers with the templates of their jobs, by the packages that bring them.
static WORKERS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("workers.json")).unwrap_or_default());

pub(super) fn routes() -> Routes {
    Routes::new(&["Collections"]).get("/collections/views/{view}", op("read_view_content", view))
}

/// Reads a view. Of blocks and flows nothing is known that their packages do not tell the server themselves.
async fn view(Path(view): Path<String>) -> Result<Json<Value>, ApiError> {
    match &*view {
        "aggregate-worker-metadata" => Ok(Json(WORKERS.clone())),
        "aggregate-block-metadata" | "aggregate-flow-metadata" | "demo-flows" => Ok(Json(json!({}))),
        _ => Err(ApiError::Refused(StatusCode::NOT_FOUND, format!("View {view} not found in registry"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_uses_its_variables() {
        let packages = WORKERS.as_object().into_iter().flatten();
        let mut kinds = Vec::new();
        for (kind, worker) in packages.flat_map(|(_, workers)| workers.as_object().into_iter().flatten()) {
            kinds.push(kind.as_str());
            assert_eq!(worker["type"], *kind);
            let template = &worker["default_base_job_configuration"];
            let job = template["job_configuration"].to_string();
            for (name, schema) in template["variables"]["properties"].as_object().into_iter().flatten() {
                assert!(job.contains(&format!("{{{{ {name} }}}}")), "{kind} does not use {name}");
                assert!(schema["title"].is_string() && schema["description"].is_string(), "{kind}: {name}");
            }
        }
        assert_eq!(kinds, ["process", "docker", "kubernetes"]);
    }
}
