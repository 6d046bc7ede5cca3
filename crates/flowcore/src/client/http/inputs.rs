//! Values sent to flow runs, over HTTP. Prefect's API keeps one value under a key: each gets a key of its own, which begins
//! with what it is, and ends with its id.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::bodies::time;
use super::client::HttpClient;
use super::inner::Inner;
use crate::client::{ClientError, InputClient, Request};
use crate::model::{FlowRunId, FlowRunInput, FlowRunInputFilter, InputId};
use crate::wire::Moment;

/// How a flow run is named as a sender.
const FLOW_RUN: &str = "prefect.flow-run.";

/// How many inputs a Prefect server gives at once.
const PAGE: usize = 200;

/// An input as a server tells it.
#[derive(Deserialize)]
struct InputBody {
    id: Uuid,
    created: Option<Moment>,
    flow_run_id: Uuid,
    key: String,
    value: String,
    sender: Option<String>,
}

impl InputBody {
    fn read(self) -> Option<FlowRunInput> {
        let (key, id) = match self.key.len().checked_sub(36).map(|at| self.key.split_at_checked(at)) {
            Some(Some((key, id))) => (key.trim_end_matches('-').to_owned(), id.parse().unwrap_or(self.id)),
            _ => (self.key, self.id),
        };
        Some(FlowRunInput {
            id: InputId(id),
            flow_run_id: self.flow_run_id.into(),
            key,
            value: RawValue::from_string(self.value).ok()?,
            sender: self.sender.and_then(|sender| sender.strip_prefix(FLOW_RUN)?.parse().ok()).map(FlowRunId),
            created: time(self.created)?,
        })
    }
}

/// Writes a key in the letters that the API takes.
fn letters(key: &str) -> String {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !key.is_empty() && key.chars().all(fits) {
        return key.to_owned();
    }
    format!("key-{}", &blake3::hash(key.as_bytes()).to_hex()[..16])
}

impl Inner {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), ClientError> {
        let body = json!({
            "key": format!("{}-{}", letters(&input.key), input.id),
            "value": input.value.get(),
            "sender": input.sender.map(|sender| format!("{FLOW_RUN}{sender}")),
        });
        // A key is taken once, so that a repetition is refused, which is as well.
        let path = format!("/flow_runs/{}/input", input.flow_run_id);
        let answer = self.server.ask(Request::post(path, "send a value to a flow run", &body)).await?;
        if answer.is_conflict() || answer.found() {
            return Ok(());
        }
        answer.read::<serde::de::IgnoredAny>().map(|_| ())
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, ClientError> {
        let prefix = filter.key.as_deref().map(|key| format!("{}-", letters(key))).unwrap_or_default();
        let path = format!("/flow_runs/{}/input/filter", filter.flow_run_id);
        let mut found: Vec<InputBody> = Vec::new();
        loop {
            // The API gives no pages, but it leaves out what is known.
            let known: Vec<&str> = found.iter().map(|input| &*input.key).collect();
            let body = json!({"prefix": prefix, "limit": PAGE, "exclude_keys": known});
            let request = Request::post(&path, "list what was sent to a flow run", &body);
            let more: Vec<InputBody> = self.server.ask(request).await?.read()?;
            let is_last = more.len() < PAGE;
            found.extend(more);
            if is_last {
                break;
            }
        }
        let wanted = filter.key.as_deref().map(letters);
        let mut inputs: Vec<FlowRunInput> = found.into_iter().filter_map(InputBody::read).collect();
        inputs.retain(|input| {
            wanted.as_ref().is_none_or(|wanted| *wanted == input.key)
                && filter.id.is_none_or(|id| id == input.id)
                && filter.since.is_none_or(|since| input.created >= since)
        });
        for input in &mut inputs {
            if let Some(key) = &filter.key {
                input.key.clone_from(key);
            }
        }
        inputs.sort_by_key(|input| input.id);
        Ok(inputs)
    }
}

#[async_trait]
impl InputClient for HttpClient {
    async fn append_flow_run_input(&self, input: FlowRunInput) -> Result<(), ClientError> {
        self.on_thread(|inner| async move { inner.append_flow_run_input(input).await }).await
    }

    async fn flow_run_inputs(&self, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.flow_run_inputs(&filter).await }).await
    }
}
