//! What people ask of runs, over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::client::HttpClient;
use super::flow_runs::suspends;
use super::inner::Inner;
use crate::client::{ClientError, Repeat, Request, RunControl};
use crate::model::{FlowRun, FlowRunId, ProcessId, StateType};
use crate::orchestration::{Decision, Resumption, RunDecision, resumed};
use crate::wire::FlowRunBody;

/// How often the server is asked whether a run is to end. The engine asks more often.
const LOOK: Duration = Duration::from_secs(1);

/// How many ids a question has.
const TOGETHER: usize = 200;

impl Inner {
    async fn cancel_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        let Some(now) = self.find_flow_run(run.id).await? else {
            return Ok(RunDecision { run: run.clone(), decision: Decision::Abort("the run has been deleted".into()) });
        };
        if now.state.is_terminal() {
            return Ok(RunDecision { run: now, decision: Decision::Abort("the run has already ended".into()) });
        }
        let is_waiting = matches!(now.state.kind, StateType::Scheduled | StateType::Pending | StateType::Paused);
        let has_worker = now.origin.infrastructure_pid.is_some();
        let kind = if is_waiting && now.process_id.is_none() && !has_worker {
            // Nobody would carry it out.
            StateType::Cancelled
        } else {
            StateType::Cancelling
        };
        let state = self.state(kind).message("The flow was asked to end.");
        let insists = suspends(&now, &state);
        let decided = self.propose(now, state, insists).await?;
        Ok(match decided.decision {
            Decision::Accept(state) if kind == StateType::Cancelled => {
                RunDecision { run: decided.run, decision: Decision::Reject(state, "no process has the run".into()) }
            }
            _ => decided,
        })
    }

    async fn resume_flow_run(&self, run: &FlowRun, input: Option<Value>) -> Result<Resumption, ClientError> {
        let not_paused = |run: FlowRun, why: &'static str| {
            let decision = Decision::Abort(why.into());
            Ok(Resumption::Decided(Box::new(RunDecision { run, decision })))
        };
        let Some(now) = self.find_flow_run(run.id).await? else {
            return not_paused(run.clone(), "the run has been deleted");
        };
        if now.state.kind != StateType::Paused {
            return not_paused(now, "the run is not paused");
        }
        if now.state.id != run.state.id && run.state.kind == StateType::Paused {
            return not_paused(now, "the run is paused anew since it was looked at");
        }
        let mut state = match resumed(&now, input, self.state(StateType::Running)) {
            Ok(state) => state,
            Err(problems) => return Ok(Resumption::WrongInput(problems)),
        };
        let insists = suspends(&now, &state);
        let limit = now.state.details.as_ref().and_then(|details| details.pause_timeout);
        let is_late = insists && limit.is_some_and(|limit| limit < self.clock.now());
        if is_late {
            // A server that is told and not asked does not look at the time limit.
            let why = "The flow was suspended and not resumed before its time limit.";
            state = self.state(StateType::Failed).message(why);
        }
        let mut decided = self.propose(now, state, insists).await?;
        if let (true, Decision::Accept(failed)) = (is_late, &decided.decision) {
            let why = "the time limit of its suspension has passed, so that it has failed";
            decided.decision = Decision::Reject(failed.clone(), why.into());
        }
        Ok(Resumption::Decided(Box::new(decided)))
    }

    /// Lists the runs of a process that are to end: those that are CANCELLING, those that the server has ended at once, and those that
    /// it has given up since it heard nothing of them.
    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, ClientError> {
        let held: Vec<FlowRunId> = self.held.of(process).into_iter().map(|run| run.id).collect();
        if held.is_empty() || !self.held.is_due(LOOK) {
            return Ok(Vec::new());
        }
        let mut cancelling = Vec::new();
        for ids in held.chunks(TOGETHER) {
            let types = [StateType::Cancelling, StateType::Cancelled, StateType::Crashed];
            let body =
                json!({"flow_runs": {"id": {"any_": ids}, "state": {"type": {"any_": types}}}, "limit": TOGETHER});
            let request = Request::post("/flow_runs/filter", "list flow runs that are to end", &body);
            let found: Vec<FlowRunBody> = self.server.ask(request.repeat(Repeat::Never)).await?.read()?;
            cancelling.extend(found.into_iter().map(|run| FlowRunId(run.id)));
        }
        Ok(cancelling)
    }
}

#[async_trait]
impl RunControl for HttpClient {
    async fn cancel_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.cancel_flow_run(&run).await }).await
    }

    async fn resume_flow_run(&self, run: &FlowRun, input: Option<Value>) -> Result<Resumption, ClientError> {
        let run = run.clone();
        self.on_thread(|inner| async move { inner.resume_flow_run(&run, input).await }).await
    }

    async fn cancelling_flow_runs(&self, process: ProcessId) -> Result<Vec<FlowRunId>, ClientError> {
        self.on_thread(|inner| async move { inner.cancelling_flow_runs(process).await }).await
    }
}
