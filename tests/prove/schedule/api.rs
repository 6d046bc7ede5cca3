//! Requests to a server as anybody makes them, without flowcore's own client.

use std::time::Duration;

use flowcore::{Error, Result};
use reqwest::Method;
use serde_json::{Value, json};

/// How many runs an answer holds.
const PAGE: usize = 200;

/// How often a request is repeated while the server is being started again.
const REPEATS: u32 = 200;

#[derive(Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    url: String,
}

impl Api {
    pub(super) fn new(url: String) -> Result<Self> {
        // Somebody else may have been first, with the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        Ok(Api { http: reqwest::Client::builder().no_proxy().build()?, url })
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, body).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::PATCH, path, body).await
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        for _ in 0..REPEATS {
            let Ok(answer) = self.http.request(method.clone(), &url).json(body).send().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let status = answer.status();
            let text = answer.text().await?;
            if !status.is_success() {
                return Err(Error::msg(format!("{method} {path}: {status}: {text}")));
            }
            return Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? });
        }
        Err(Error::msg(format!("{method} {path}: nobody answers at {url}")))
    }

    /// Makes a deployment, or changes the one of its name, and gives its id.
    pub(super) async fn deploy(&self, flow: &str, name: &str, more: &Value) -> Result<String> {
        let flow = self.post("/flows/", &json!({"name": flow})).await?;
        let mut body = json!({"name": name, "flow_id": flow["id"]});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let made = self.post("/deployments/", &body).await?;
        made["id"].as_str().map(str::to_owned).ok_or_else(|| Error::msg(format!("the deployment has no id: {made}")))
    }

    /// Lists all runs of a deployment, the first due first.
    pub(super) async fn runs(&self, deployment: &str) -> Result<Vec<Value>> {
        let mut runs = Vec::new();
        loop {
            let body = json!({
                "flow_runs": {"deployment_id": {"any_": [deployment]}},
                "sort": "EXPECTED_START_TIME_ASC", "limit": PAGE, "offset": runs.len(),
            });
            let answer = self.post("/flow_runs/filter", &body).await?;
            let page = answer.as_array().cloned().unwrap_or_default();
            let is_last = page.len() < PAGE;
            runs.extend(page);
            if is_last {
                return Ok(runs);
            }
        }
    }

    /// Counts the task runs of a deployment's runs that have not ended.
    pub(super) async fn open_task_runs(&self, deployment: &str) -> Result<u64> {
        let body = json!({
            "flow_runs": {"deployment_id": {"any_": [deployment]}},
            "task_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}},
        });
        Ok(self.post("/task_runs/count", &body).await?.as_u64().unwrap_or(u64::MAX))
    }
}

/// Gives a time of an answer, in microseconds since 1970.
pub(super) fn micros(value: &Value) -> Result<i64> {
    let time: flowcore::model::Timestamp = serde_json::from_value(value.clone())?;
    Ok(time.timestamp_micros())
}
