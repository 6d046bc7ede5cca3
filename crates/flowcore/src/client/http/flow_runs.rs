//! Making and moving flow runs. The server judges; what is proposed carries an id, so that a proposal that is repeated
//! after a lost answer is known to be the same.

use std::io;

use chrono::TimeDelta;
use serde_json::json;

use super::dynamic_key;
use super::inner::Inner;
use super::labels;
use crate::client::{ClientError, Request, ServerError};
use crate::model::{
    FlowRun, FlowRunId, Pauses, ProcessId, RetryPolicy, State, StateId, StateName, StateType, TaskRun, TaskRunRecord,
};
use crate::orchestration::{Decision, Executor, NewFlowRun, RunDecision};
use crate::wire::{
    FlowPolicyBody, FlowRunBody, FlowRunCreate, FlowRunUpdate, OrchestrationResult, PolicyBody, ResponseDetails,
    SetState, SetStateStatus, StateCreate, TaskRunCreate,
};

impl Inner {
    pub(super) fn state(&self, kind: StateType) -> State {
        State::new(kind, StateId(self.clock.uuid()), self.clock.now())
    }

    /// Makes a flow run, which gets its id from the server; with an executor it is RUNNING then.
    pub(super) async fn create_flow_run(&self, new: NewFlowRun) -> Result<FlowRun, ClientError> {
        let flow_id = self.flow_id(&new.flow_name, new.flow_tags).await?;
        if let Some(parent) = &new.parent_task_run {
            self.announce(parent).await?;
        }
        let mut all = new.labels;
        if let Some(executor) = &new.executor {
            all.extend(labels::of_executor(executor));
        }
        let first = new.state.unwrap_or_else(|| self.state(StateType::Pending));
        let body = FlowRunCreate {
            flow_id: flow_id.0,
            name: Some(new.name.clone()),
            state: Some(StateCreate::from(&first)),
            flow_version: new.flow_version,
            parameters: Some(new.parameters),
            context: new.origin.context,
            parent_task_run_id: new.parent_task_run_id.map(|id| id.0),
            empirical_policy: flow_policy(&new.policy, 0),
            tags: new.tags,
            labels: Some(all.into()),
            // So that a request whose answer was lost can be repeated.
            idempotency_key: Some(new.origin.idempotency_key.unwrap_or_else(|| new.id.to_string())),
            infrastructure_document_id: new.origin.infrastructure_document_id,
            deployment_id: new.origin.deployment_id,
            work_pool_name: None,
            work_queue_name: new.origin.work_queue_name,
            job_variables: new.origin.job_variables,
        };
        let made: FlowRunBody =
            self.server.ask(Request::post("/flow_runs/", "make a flow run", &body)).await?.read()?;
        let mut run = self.flow_run(made).await?;
        let own_id = new.id.to_string();
        if new.name.contains(&own_id) {
            // Named by an id that is the server's to give.
            run.name = new.name.replace(&own_id, &run.id.to_string());
            self.edit(run.id, &FlowRunUpdate { name: Some(run.name.clone()), ..FlowRunUpdate::default() }).await?;
        }
        if let Some(executor) = new.executor {
            self.hold(&run, executor.process_id)?;
            run = self.propose(run, self.state(StateType::Running), false).await?.run;
        }
        Ok(run)
    }

    /// Makes a task run on the server, by a request: that which stands for a subflow, since a Prefect server makes no subflow
    /// of one that it does not know, and what is reported as an event it knows later; and those that wait for a worker.
    pub(super) async fn announce(&self, run: &TaskRun) -> Result<(), ClientError> {
        let body = TaskRunCreate {
            id: Some(run.id.0),
            state: Some(StateCreate::from(&run.state)),
            name: run.name.clone(),
            flow_run_id: run.flow_run_id.map(|id| id.0),
            task_key: run.task_key.to_string(),
            dynamic_key: dynamic_key::write(run),
            cache_key: None,
            cache_expiration: None,
            task_version: run.task_version.as_deref().map(str::to_owned),
            empirical_policy: PolicyBody::from(&run.empirical_policy),
            tags: run.tags.clone(),
            labels: None,
            task_inputs: run.task_inputs.clone(),
        };
        self.server.ask(Request::post("/task_runs/", "make a task run", &body)).await?;
        Ok(())
    }

    /// Proposes a state for a run that is executed: refused when another process has taken it.
    pub(super) async fn set_flow_run_state(&self, run: &FlowRun, proposed: State) -> Result<RunDecision, ClientError> {
        let suspended = proposed.is_suspended();
        let mut insists = false;
        if let Some(process) = run.process_id {
            match self.find_flow_run(run.id).await? {
                None => return Ok(deleted(run.clone())),
                Some(now) if now.process_id != Some(process) => {
                    self.let_go(run.id);
                    return Ok(RunDecision { run: now, decision: Decision::Abort("the run was taken away".into()) });
                }
                // Not over what has been asked of the run meanwhile.
                Some(now) => insists = now.state.kind == StateType::Running && suspends(&now, &proposed),
            }
        }
        let mut policy = None;
        if proposed.kind == StateType::Failed
            && proposed.details.as_ref().and_then(|details| details.retriable) == Some(false)
        {
            // A server counts, and does not ask whether there is any point in another attempt.
            policy = Some(flow_policy(&RetryPolicy { retries: Some(0), ..run.empirical_policy.clone() }, 0));
        }
        if policy.is_some() && run.empirical_policy.max_retries() > 0 {
            self.edit(run.id, &FlowRunUpdate { empirical_policy: policy, ..FlowRunUpdate::default() }).await?;
        }
        let mut decided = self.propose(run.clone(), proposed, insists).await?;
        let moved = matches!(decided.decision, Decision::Accept(_) | Decision::Reject(..));
        if moved && suspended && decided.run.state.is_suspended() {
            self.label(decided.run.id, &labels::of_nobody()).await?;
            decided.run.process_id = None;
            self.let_go(decided.run.id);
        }
        Ok(decided)
    }

    /// Lets a process execute a scheduled or pending flow run: PENDING, then RUNNING as a new execution.
    pub(super) async fn claim_flow_run(
        &self,
        run: &FlowRun,
        executor: Executor,
        policy: RetryPolicy,
    ) -> Result<RunDecision, ClientError> {
        let Some(mut claimed) = self.find_flow_run(run.id).await? else { return Ok(deleted(run.clone())) };
        match claimed.state.kind {
            StateType::Running => {
                let decision = Decision::Abort("the run is being executed".into());
                return Ok(RunDecision { run: claimed, decision });
            }
            StateType::Paused if claimed.state.is_suspended() => {
                let decision = Decision::Stay("the run is suspended: resume it first".into());
                return Ok(RunDecision { run: claimed, decision });
            }
            _ => {}
        }
        if claimed.state.kind == StateType::Scheduled {
            if claimed.process_id.is_some_and(|process| process != executor.process_id) {
                let decision = Decision::Abort("another process has the run".into());
                return Ok(RunDecision { run: claimed, decision });
            }
            let pending = self.propose(claimed, self.state(StateType::Pending), false).await?;
            if !matches!(pending.decision, Decision::Accept(_)) {
                return Ok(pending);
            }
            claimed = pending.run;
        }
        self.hold(&claimed, executor.process_id)?;
        self.label(claimed.id, &labels::of_executor(&executor)).await?;
        // All retries are left again, and the server counts from the beginning.
        let counted = flow_policy(&policy, claimed.times.run_count);
        self.edit(claimed.id, &FlowRunUpdate { empirical_policy: Some(counted), ..FlowRunUpdate::default() }).await?;
        claimed.process_id = Some(executor.process_id);
        claimed.program = executor.program.or(claimed.program);
        claimed.run_count_at_start = claimed.times.run_count;
        claimed.empirical_policy = policy;
        let mut running = self.state(StateType::Running);
        if run.state.name == StateName::RESUMING {
            running = running.named(StateName::RESUMING);
        } else if claimed.times.run_count > 0 {
            // A server leaves the names of flow runs' states to whoever proposes them.
            running = running.named(StateName::RETRYING);
        }
        let (start, policy) = (claimed.run_count_at_start, claimed.empirical_policy.clone());
        let id = claimed.id;
        let mut decided = self.propose(claimed, running, false).await?;
        (decided.run.run_count_at_start, decided.run.empirical_policy) = (start, policy);
        if !matches!(decided.decision, Decision::Accept(_)) {
            self.let_go(id);
        }
        Ok(decided)
    }

    /// Schedules a flow run that has ended for another attempt.
    pub(super) async fn retry_flow_run(&self, run: &FlowRun) -> Result<RunDecision, ClientError> {
        let Some(now) = self.find_flow_run(run.id).await? else { return Ok(deleted(run.clone())) };
        if !now.state.is_terminal() {
            return Ok(RunDecision { run: now, decision: Decision::Abort("the run has not ended".into()) });
        }
        if now.state.is_completed() {
            return Ok(RunDecision { run: now, decision: Decision::Stay("the run has completed".into()) });
        }
        self.label(now.id, &labels::of_nobody()).await?;
        let state = self.state(StateType::Scheduled).named(StateName::AWAITING_RETRY);
        let due = state.timestamp;
        let state = state.scheduled_for(due).message("Scheduled for another attempt.");
        // By force: Prefect's rules let only runs of deployments begin anew, whose workers would execute them. This one is
        // executed by whoever asks.
        let mut decided = self.propose(now, state, true).await?;
        decided.run.process_id = None;
        Ok(decided)
    }

    /// Proposes a state. The server's answer is the decision; whatever it says, the run is given as it stands.
    pub(super) async fn propose(
        &self,
        mut run: FlowRun,
        proposed: State,
        force: bool,
    ) -> Result<RunDecision, ClientError> {
        let mut state = StateCreate::from(&proposed);
        state.state_details.transition_id = Some(proposed.id.0);
        if proposed.kind == StateType::Running && run.state.name == StateName::AWAITING_RETRY {
            // A server leaves the names of flow runs' states to whoever proposes them.
            state.name = Some(StateName::RETRYING.to_owned());
        }
        let path = format!("/flow_runs/{}/set_state", run.id);
        let mut request = Request::post(path, "change a flow run's state", &SetState { state, force });
        if proposed.kind == StateType::Pending {
            request = request.claims();
        }
        let answer: Option<OrchestrationResult> = self.server.ask(request).await?.read_if_found()?;
        let Some(answer) = answer else {
            self.let_go(run.id);
            return Ok(deleted(run));
        };
        let mut delay = 1;
        let why = match answer.details {
            ResponseDetails::Reject { reason } | ResponseDetails::Abort { reason } => reason,
            ResponseDetails::Wait { delay_seconds, reason } => {
                delay = delay_seconds.max(1);
                reason
            }
            ResponseDetails::Accept {} => None,
        };
        let why = why.unwrap_or_else(|| "the server gives no reason".to_owned()).into();
        let decision = match (answer.status, answer.state) {
            (SetStateStatus::Accept, Some(entered)) => {
                let entered = State::from(entered);
                run.times.enter(Some(&run.state), &entered);
                run.state = entered.clone();
                Decision::Accept(entered)
            }
            (SetStateStatus::Wait, _) => {
                let until = self.clock.now() + TimeDelta::seconds(delay);
                return Ok(RunDecision { decision: Decision::Wait(until), run });
            }
            (status, _) => {
                let Some(now) = self.find_flow_run(run.id).await? else { return Ok(deleted(run)) };
                let details = now.state.details.as_deref();
                let decision = if details.and_then(|details| details.transition_id) == Some(proposed.id.0) {
                    // The answer to an earlier attempt of this proposal was lost.
                    Decision::Accept(now.state.clone())
                } else if status == SetStateStatus::Abort {
                    Decision::Abort(why)
                } else if now.state.id == run.state.id {
                    Decision::Stay(why)
                } else {
                    Decision::Reject(now.state.clone(), why)
                };
                let start = run.run_count_at_start;
                run = FlowRun { run_count_at_start: start, ..now };
                decision
            }
        };
        if run.state.is_terminal() {
            self.let_go(run.id);
        }
        Ok(RunDecision { run, decision })
    }

    /// Finds a flow run.
    pub(super) async fn find_flow_run(&self, id: FlowRunId) -> Result<Option<FlowRun>, ClientError> {
        let request = Request::get(format!("/flow_runs/{id}"), "read a flow run");
        match self.server.ask(request).await?.read_if_found()? {
            Some(body) => Ok(Some(self.flow_run(body).await?)),
            None => Ok(None),
        }
    }

    async fn edit(&self, id: FlowRunId, update: &FlowRunUpdate) -> Result<(), ClientError> {
        let mut body = json!(update);
        if let Some(fields) = body.as_object_mut() {
            // Prefect tells a field that is absent from one that is null.
            fields.retain(|_, value| !value.is_null());
        }
        self.server.ask(Request::patch(format!("/flow_runs/{id}"), "change a flow run", &body)).await?;
        Ok(())
    }

    async fn label(&self, id: FlowRunId, labels: &crate::model::Labels) -> Result<(), ClientError> {
        self.server.ask(Request::patch(format!("/flow_runs/{id}/labels"), "label a flow run", labels)).await?;
        Ok(())
    }

    /// Remembers that a process executes a run, also for those who look when the process has died.
    fn hold(&self, run: &FlowRun, process: ProcessId) -> Result<(), ClientError> {
        let not_kept = |error: io::Error| ServerError::NotKept {
            folder: self.outbox.place().to_owned(),
            reason: error.to_string(),
        };
        self.outbox.hold(run.id, process).map_err(not_kept)?;
        self.held.add(run, process);
        Ok(())
    }

    fn let_go(&self, id: FlowRunId) {
        if let Some(run) = self.held.remove(id) {
            self.outbox.let_go(id, run.process);
        }
    }

    /// Hands the journal's records over as events.
    pub(super) async fn record_task_runs(&self, records: &[TaskRunRecord]) -> Result<(), ClientError> {
        self.events.deliver(records.iter().flat_map(super::task_events::of_record).collect()).await
    }
}

/// Tells whether a proposal is about a suspension that Prefect's rules would refuse: they let only runs of deployments be
/// suspended, which workers take up again. This one is taken up by whoever executes its program.
pub(super) fn suspends(run: &FlowRun, proposed: &State) -> bool {
    run.origin.deployment_id.is_none() && (proposed.is_suspended() || run.state.is_suspended())
}

fn deleted(run: FlowRun) -> RunDecision {
    RunDecision { run, decision: Decision::Abort("the run has been deleted".into()) }
}

/// Writes how failures of a flow run are treated, after so many attempts. A flow run of Prefect's has one delay, in whole
/// seconds, and its retries count from the first attempt.
fn flow_policy(policy: &RetryPolicy, attempts: i32) -> FlowPolicyBody {
    let before = u32::try_from(attempts).unwrap_or_default();
    let retries = policy.retries.map(|retries| if retries == 0 { 0 } else { retries.saturating_add(before) });
    let retry_delay = policy.retry_delay.first().map(|delay| delay.ceil()).into_iter().collect();
    FlowPolicyBody::new(&RetryPolicy { retries, retry_delay, retry_jitter: None }, &Pauses::default())
}
