//! Why a flow run does not move, over HTTP.

use async_trait::async_trait;

use super::client::HttpClient;
use crate::client::Request;
use crate::client::{ClientError, ServerError, WhyClient};
use crate::model::FlowRunId;
use crate::orchestration::Probe;
use crate::wire::Why;

#[async_trait]
impl WhyClient for HttpClient {
    async fn why(&self, id: FlowRunId, _: &dyn Probe) -> Result<Option<Why>, ClientError> {
        self.on_thread(move |inner| async move {
            let request = Request::get(format!("/flow_runs/{id}/why"), "ask why a flow run does not move");
            if let Some(why) = inner.server.ask(request).await?.read_if_found()? {
                return Ok(Some(why));
            }
            // There is no such run, or no such question.
            match inner.find_flow_run(id).await? {
                Some(_) => Err(ServerError::NotOffered {
                    what: "asking why a flow run does not move",
                    instead: "Prefect's has no such question; `flowcore flow-run inspect` tells how the run stands",
                }
                .into()),
                None => Ok(None),
            }
        })
        .await
    }
}
