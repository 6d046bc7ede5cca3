//! The runs of a pool: taking one, having it executed, and seeing to it that what becomes of it is said.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flowcore::client::ClientError;
use flowcore::model::{FlowRunId, LogLevel, StateType, Timestamp};
use flowcore::{Listed, Work, connect};
use serde_json::Value;
use tokio::sync::watch;

use crate::bodies::{Run, RunToken};
use crate::credentials::Credentials;
use crate::health::Health;
use crate::infrastructure::{Ended, Execution, Infrastructure, Left, Stop, asked};
use crate::job::{Common, Job};
use crate::known_pool::KnownPool;
use crate::output::Output;
use crate::placeholders::Resolver;
use crate::pool::{PAGE, PoolClient, Rank, news};
use crate::under_way::{Place, UnderWay};

/// What a worker does with the runs of its pool.
pub(crate) struct PoolWork {
    pub(crate) pool: PoolClient,
    pub(crate) known: Arc<KnownPool>,
    pub(crate) health: Arc<Health>,
    pub(crate) queues: Vec<String>,
    pub(crate) grace: Duration,
    pub(crate) common: Common,
    pub(crate) infrastructure: Box<dyn Infrastructure>,
    pub(crate) under_way: Arc<UnderWay>,
}

impl PoolWork {
    /// Looks which of the runs under way are to end, since that may not have been heard.
    pub(crate) async fn stop_those_that_are_to_end(&self) -> Result<(), ClientError> {
        for id in self.pool.cancelling(&self.under_way.ids()).await? {
            self.under_way.cancel(id);
        }
        Ok(())
    }

    /// Finds out what is to be executed for a run.
    async fn job(&self, run: &Run) -> Result<Job, String> {
        let unreadable = |error: ClientError| format!("its deployment cannot be read: {error}");
        let deployment = match run.deployment_id {
            Some(id) => self.pool.deployment(id).await.map_err(unreadable)?,
            None => None,
        };
        let deployment = deployment.ok_or("it has no deployment any more, which would say what to execute")?;
        let pool = self.known.now();
        let settings = Job::settings(&self.common, &pool.base_job_template, &deployment, run);
        let settings = Resolver::new(self.pool.client.clone()).resolve_job(settings).await;
        let settings = settings.map_err(|error| format!("its job cannot be put together: {error}"))?;
        let common = Common { credentials: self.credentials(FlowRunId(run.id)).await?, ..self.common.clone() };
        Job::new(&common, pool.id, settings, &deployment, run)
    }

    /// Finds out what a run shows to the server: its own, if the server has something of the kind.
    async fn credentials(&self, run: FlowRunId) -> Result<Credentials, String> {
        let own = &self.common.credentials;
        // What is within something that a worker has started shows that worker's choice.
        if !own.is_workers || own.are_none() || self.common.is_within {
            return Ok(own.clone());
        }
        let given = self.pool.token(run).await.map_err(|error| format!("it cannot prove who it is: {error}"))?;
        Ok(match given {
            Some(RunToken { auth_string: Some(token) }) => {
                Credentials { auth_string: Some(token), ..Credentials::default() }
            }
            // It wants nothing from anybody: what the worker has is for somebody before it.
            Some(RunToken { auth_string: None }) | None => own.clone(),
        })
    }

    /// Has a run executed that was taken, and stays with it to its end.
    pub(crate) async fn execute(&self, run: &Run, place: &Place) -> Result<Ended, String> {
        let id = FlowRunId(run.id);
        let job = self.job(run).await?;
        let output =
            Output { client: self.pool.client.clone(), run: id, is_streamed: job.is_on("stream_output", true) };
        let mut stop = place.stop.clone();
        let execution = tokio::select! {
            execution = self.infrastructure.start(&job) => execution?,
            // An image may be long in coming.
            _ = asked(&mut stop) => return Err("it was asked to end before it had begun".to_owned()),
        };
        tracing::info!(target: "flowcore", "flow run `{}` is executed by {}", run.name, execution.id());
        if let Err(error) = self.pool.executed_by(id, &execution.id()).await {
            tracing::warn!(target: "flowcore", "where flow run `{}` is executed is not known: {error}", run.name);
        }
        self.accompany(execution, output, place).await
    }

    /// Stays with an execution to its end.
    async fn accompany(&self, execution: Box<dyn Execution>, output: Output, place: &Place) -> Result<Ended, String> {
        let ended = execution.ended(output.clone(), place.stop.clone(), self.grace).await?;
        if !ended.is_success && ended.stopped.is_none() && !ended.complaints.is_empty() {
            output
                .tell(LogLevel::Error, format!("The {} ended with {}:\n{}", ended.what, ended.how, ended.complaints))
                .await;
        }
        Ok(ended)
    }

    /// Sees to it that a run whose execution has ended does not stand as if it were still executed.
    async fn settle(&self, id: FlowRunId, ended: Result<Ended, String>) -> Result<(), ClientError> {
        // What a program built with flowcore could not say itself stands on this machine's disk.
        self.pool.client.crash_abandoned_runs(&connect::probe()).await?;
        let Some(now) = self.pool.run(id).await? else { return Ok(()) };
        let is_cancelled = ended.as_ref().is_ok_and(|ended| ended.stopped == Some(Stop::Cancelled));
        let (kind, why, rank) = match (now.state_type, &ended) {
            (Some(StateType::Cancelling), _) => {
                ("CANCELLED", "The run was ended, as was asked for.".to_owned(), Rank::Proposal)
            }
            // To Prefect's engine a signal that came before it was ready is a crash.
            (Some(StateType::Crashed), _) if is_cancelled => {
                ("CANCELLED", "The run was ended, as was asked for.".to_owned(), Rank::Order)
            }
            (Some(StateType::Pending | StateType::Running), Ok(ended)) => ("CRASHED", told(ended), Rank::Proposal),
            (Some(StateType::Pending | StateType::Running), Err(why)) => {
                ("CRASHED", format!("The run could not be executed: {why}"), Rank::Proposal)
            }
            // It has ended, or waits: for its time, or for somebody who resumes it.
            _ => return Ok(()),
        };
        if let Err(why) = &ended {
            tracing::error!(target: "flowcore", "flow run `{}`: {why}", now.name);
        }
        self.pool.propose(id, kind, &why, rank).await?;
        Ok(())
    }

    /// Stays with what a worker that is gone has left behind, so that its run is watched and can be cancelled.
    async fn take_over(self: Arc<Self>, left: Left) {
        let output = Output { client: self.pool.client.clone(), run: left.run, is_streamed: true };
        let Some(place) = self.under_way.begin(left.run) else {
            if left.is_orphan {
                // The run was begun anew here, and what goes on for the dead worker is in its way.
                let (_asks, stop) = watch::channel(Some(Stop::Hurry));
                let _ = left.execution.ended(output, stop, self.grace).await;
            }
            return;
        };
        tracing::info!(
            target: "flowcore", "flow run {} of worker `{}`, which is gone, goes on in {}", left.run, left.worker, left.execution.id()
        );
        let ended = self.accompany(left.execution, output, &place).await;
        self.end(left.run, ended, place).await;
    }

    /// Settles a run and gives its place up.
    pub(crate) async fn end(&self, id: FlowRunId, ended: Result<Ended, String>, place: Place) {
        if let Err(error) = self.settle(id, ended).await {
            tracing::error!(target: "flowcore", "what became of flow run {id} could not be told: {error}");
        }
        drop(place);
    }

    /// Looks for what workers that are gone have left behind.
    pub(crate) async fn look_for_what_is_left(self: &Arc<Self>) {
        let found = async {
            let left = self.infrastructure.left_behind(self.known.now().id).await?;
            if left.is_empty() {
                return Ok(left);
            }
            let are_all_gone = left.iter().all(|left| left.is_orphan);
            let workers = match are_all_gone {
                true => Vec::new(),
                false => self.pool.workers_there().await.map_err(|error| error.to_string())?,
            };
            let is_gone =
                |left: &Left| left.is_orphan || left.worker == self.common.worker || !workers.contains(&left.worker);
            Ok::<_, String>(left.into_iter().filter(is_gone).collect())
        };
        match found.await {
            Ok(left) => {
                for left in left {
                    tokio::spawn(self.clone().take_over(left));
                }
            }
            Err(why) => tracing::warn!(target: "flowcore", "what other workers have left behind is not known: {why}"),
        }
    }
}

/// Says how what executed a run ended, if it did not say what became of the run.
fn told(ended: &Ended) -> String {
    format!(
        "The {} that executed the run ended with {}, and did not say what became of the run.",
        ended.what, ended.how
    )
}

#[async_trait]
impl Work for PoolWork {
    fn news(&self) -> Value {
        news(self.known.now().id)
    }

    async fn waiting(&self, until: Timestamp) -> Result<Listed, ClientError> {
        self.stop_those_that_are_to_end().await?;
        self.health.asks();
        let found = match self.pool.waiting(&self.queues, until).await {
            Ok(found) => found,
            Err(error) => {
                // The pool may be gone, and another one be there next time.
                self.known.doubt();
                return Err(error);
            }
        };
        if found.iter().any(|found| found.work_pool_id != self.known.now().id) {
            self.known.doubt();
        }
        self.known.be_sure(&self.pool).await?;
        if !self.known.is_sure() {
            return Ok(Listed { runs: Vec::new(), is_complete: true });
        }
        let is_complete = found.len() < PAGE;
        let time = |run: &Run| run.next_scheduled_start_time.unwrap_or(until);
        let runs = found.iter().map(|found| (FlowRunId(found.flow_run.id), time(&found.flow_run))).collect();
        Ok(Listed { runs, is_complete })
    }

    async fn execute(self: Arc<Self>, id: FlowRunId) -> bool {
        let begun = async {
            let Some(run) = self.pool.run(id).await? else { return Ok(None) };
            if run.state_type != Some(StateType::Scheduled) || self.under_way.has(id) {
                return Ok(None);
            }
            let is_taken = self.pool.propose(id, "PENDING", "A worker has the run.", Rank::Proposal).await?;
            Ok::<_, ClientError>(Some(run).filter(|_| is_taken))
        };
        let run = match begun.await {
            Ok(Some(run)) => run,
            // Another worker was faster, or it is put off.
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(target: "flowcore", "flow run {id} cannot be begun: {error}");
                return false;
            }
        };
        if let Some(place) = self.under_way.begin(id) {
            let ended = PoolWork::execute(&self, &run, &place).await;
            self.end(id, ended, place).await;
        }
        true
    }

    fn heard(&self, event: &Value) {
        let resource = &event["resource"];
        if resource["prefect.state-type"] == "CANCELLING"
            && let Some(id) =
                resource["prefect.resource.id"].as_str().and_then(|id| id.strip_prefix("prefect.flow-run."))
            && let Ok(id) = id.parse()
        {
            self.under_way.cancel(id);
        }
    }
}
