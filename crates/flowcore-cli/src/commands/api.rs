//! `flowcore api`: any request to the server.

use clap::{Args, ValueEnum};
use flowcore::client::{Method, Repeat, Request};
use serde_json::Value;

use crate::failure::Failure;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Api {
    /// The verb.
    #[arg(ignore_case = true)]
    method: Verb,
    /// The path below the API's URL, such as /flow_runs/count.
    path: String,
    /// The body, as JSON.
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

pub(super) async fn run(Api { method, path, data }: &Api, session: &mut Session<'_>) -> Result<(), Failure> {
    let method = match method {
        Verb::Get => Method::Get,
        Verb::Post => Method::Post,
        Verb::Put => Method::Put,
        Verb::Patch => Method::Patch,
        Verb::Delete => Method::Delete,
    };
    let path = if path.starts_with('/') { path.clone() } else { format!("/{path}") };
    let mut request = Request::new(method, path.as_str(), format!("answer to {path}")).repeat(Repeat::IfUntaken);
    if let Some(data) = data {
        let body: Value =
            serde_json::from_str(data).map_err(|error| Failure::Usage(format!("--data is no JSON: {error}")))?;
        request = request.with(&body);
    }
    let answer = session.client.ask(request).await?.accepted()?;
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) => session.out.json(&value),
        // A page, a download, nothing.
        Err(_) => session.out.bytes(&answer.body),
    }
}
