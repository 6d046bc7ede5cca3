//! What a worker asks of the server.

use std::sync::Arc;
use std::time::Duration;

use flowcore::client::{Client, ClientError, Repeat, Request, path_segment};
use flowcore::model::{FlowRunId, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::bodies::{Decided, Deployment, InQueue, OtherWorker, Pool, Run, RunToken};

/// How many runs are asked for at once: as many as a Prefect server gives.
pub(crate) const PAGE: usize = 200;

/// Whether a state may be refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The server's rules decide.
    Proposal,
    /// They do not.
    Order,
}

/// A pool on a server.
#[derive(Clone)]
pub(crate) struct PoolClient {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) pool: String,
}

impl PoolClient {
    /// Finds the pool.
    pub(crate) async fn find(&self) -> Result<Option<Pool>, ClientError> {
        self.client.ask(Request::get(self.path(""), "read a work pool")).await?.read_if_found()
    }

    /// Makes a pool of this type, unless another worker was faster, and gives the one that is there.
    pub(crate) async fn make(&self, kind: &str, template: Option<&Map<String, Value>>) -> Result<Pool, ClientError> {
        let mut body = json!({"name": self.pool, "type": kind});
        if let Some(template) = template {
            body["base_job_template"] = json!(template);
        }
        let made = self.client.ask(Request::post("/work_pools/", "make a work pool", &body)).await?;
        if made.is_conflict() {
            return self.client.ask(Request::get(self.path(""), "read a work pool")).await?.read();
        }
        made.read()
    }

    /// Gives the template of a pool that has none the one that the server has for its type, as Prefect's workers do: without it
    /// nobody is told which job variables there are.
    pub(crate) async fn give_template(&self, kind: &str) -> Result<Map<String, Value>, ClientError> {
        let all = Request::get("/collections/views/aggregate-worker-metadata", "read the types of work pools");
        let all: Map<String, Value> = self.client.ask(all).await?.read()?;
        let of_kind =
            |collection: &Value| collection.get(kind)?.get("default_base_job_configuration")?.as_object().cloned();
        let Some(template) = all.values().find_map(of_kind) else { return Ok(Map::new()) };
        let body = json!({"base_job_template": template});
        self.client.ask(Request::patch(self.path(""), "give a work pool its template", &body)).await?;
        Ok(template)
    }

    /// Lists the names of the workers that the server hears of.
    pub(crate) async fn workers_there(&self) -> Result<Vec<String>, ClientError> {
        let body = json!({"workers": {"status": {"any_": ["ONLINE"]}}, "limit": PAGE});
        let request = Request::post(self.path("/workers/filter"), "list workers", &body);
        let workers: Vec<OtherWorker> = self.client.ask(request).await?.read()?;
        Ok(workers.into_iter().map(|worker| worker.name).collect())
    }

    fn path(&self, behind: &str) -> String {
        format!("/work_pools/{}{behind}", path_segment(&self.pool))
    }

    /// Tells the server that a worker is there.
    pub(crate) async fn beat(&self, worker: &str, interval: Duration) -> Result<(), ClientError> {
        let path = self.path("/workers/heartbeat");
        let body = json!({"name": worker, "heartbeat_interval_seconds": interval.as_secs()});
        let request = Request::post(path, "hear of a worker", &body).repeat(Repeat::Never);
        self.client.ask(request).await?.accepted()?;
        Ok(())
    }

    /// Tells the server of events, now or not at all.
    pub(crate) async fn tell(&self, events: &[Value]) -> Result<(), ClientError> {
        let request = Request::post("/events", "hear of runs", &events).repeat(Repeat::Never);
        self.client.ask(request).await?.accepted()?;
        Ok(())
    }

    /// Lists the runs that are due until then, in the order in which they are to begin.
    pub(crate) async fn waiting(&self, queues: &[String], until: Timestamp) -> Result<Vec<InQueue>, ClientError> {
        let path = self.path("/get_scheduled_flow_runs");
        let mut body = json!({"scheduled_before": until, "limit": PAGE});
        if !queues.is_empty() {
            body["work_queue_names"] = json!(queues);
        }
        let request = Request::post(path, "list the runs that are due", &body).repeat(Repeat::Never);
        self.client.ask(request).await?.read()
    }

    /// Lists those of these runs that are to end.
    pub(crate) async fn cancelling(&self, runs: &[FlowRunId]) -> Result<Vec<FlowRunId>, ClientError> {
        let mut cancelling = Vec::new();
        for runs in runs.chunks(PAGE) {
            let types = ["CANCELLING", "CANCELLED"];
            let body = json!({"flow_runs": {"id": {"any_": runs}, "state": {"type": {"any_": types}}}, "limit": PAGE});
            let request = Request::post("/flow_runs/filter", "list runs that are to end", &body).repeat(Repeat::Never);
            let found: Vec<Run> = self.client.ask(request).await?.read()?;
            cancelling.extend(found.into_iter().map(|run| FlowRunId(run.id)));
        }
        Ok(cancelling)
    }

    pub(crate) async fn run(&self, id: FlowRunId) -> Result<Option<Run>, ClientError> {
        self.client.ask(Request::get(format!("/flow_runs/{id}"), "read a flow run")).await?.read_if_found()
    }

    /// Asks for what a run is to show instead of the worker's credential. None: the server has nothing of the kind.
    pub(crate) async fn token(&self, id: FlowRunId) -> Result<Option<RunToken>, ClientError> {
        let request = Request::post(format!("/flow_runs/{id}/token"), "give a run what it is to show", &json!({}));
        self.client.ask(request).await?.read_if_found()
    }

    pub(crate) async fn deployment(&self, id: Uuid) -> Result<Option<Deployment>, ClientError> {
        self.client.ask(Request::get(format!("/deployments/{id}"), "read a deployment")).await?.read_if_found()
    }

    /// Proposes a state. Tells whether the run is in it then; one that has been deleted is not.
    pub(crate) async fn propose(
        &self,
        id: FlowRunId,
        kind: &str,
        message: &str,
        rank: Rank,
    ) -> Result<bool, ClientError> {
        let transition = Uuid::now_v7();
        let details = json!({"transition_id": transition});
        let state = json!({"type": kind, "message": message, "state_details": details});
        let path = format!("/flow_runs/{id}/set_state");
        let body = json!({"state": state, "force": rank == Rank::Order});
        let mut request = Request::post(path, "change a flow run's state", &body);
        if kind == "PENDING" {
            request = request.claims();
        }
        let decided: Option<Decided> = self.client.ask(request).await?.read_if_found()?;
        // The answer may have been lost, and the proposal made once more: a run does not make the same transition twice.
        let is_ours = |decided: &Decided| {
            decided.state.as_ref().is_some_and(|state| state.state_details.transition_id == Some(transition))
        };
        Ok(decided.is_some_and(|decided| decided.status == "ACCEPT" || is_ours(&decided)))
    }

    /// Notes where a run is executed.
    pub(crate) async fn executed_by(&self, id: FlowRunId, process: &str) -> Result<(), ClientError> {
        let body = json!({"infrastructure_pid": process});
        self.client.ask(Request::patch(format!("/flow_runs/{id}"), "note a run's process", &body)).await?;
        Ok(())
    }
}

/// Gives Prefect's filter of the events of a pool's runs.
pub(crate) fn news(pool: Uuid) -> Value {
    json!({"event": {"prefix": ["prefect.flow-run."]}, "related": {"id": [format!("prefect.work-pool.{pool}")]}})
}
