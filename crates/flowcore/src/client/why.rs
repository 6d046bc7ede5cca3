//! The part of a client that tells why a flow run does not move.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{
    FlowRun, FlowRunFilter, FlowRunId, Occupancy, Page, SlotHolder, SlotLease, State, StateName, StateType, TaskRun,
    TaskRunFilter, TaskRunId, Timestamp,
};
use crate::orchestration::{Orchestrator, Probe, is_abandoned, slots_taken};
use crate::store::{Store, StoreError};
use crate::wire::{Blocker, BlockerKind, Cause, Why};

/// How many task runs and subflows are looked at.
const LOOK: Page = Page { limit: 100, offset: 0 };

/// Tells why a flow run does not move.
#[async_trait]
pub trait WhyClient: Send + Sync + 'static {
    /// Tells why a flow run stands where it stands, and what to do about it; `None` if there is no such run. `probe` looks at the proof of
    /// life of a process on this machine.
    async fn why(&self, id: FlowRunId, probe: &dyn Probe) -> Result<Option<Why>, ClientError>;
}

#[async_trait]
impl WhyClient for Orchestrator {
    async fn why(&self, id: FlowRunId, probe: &dyn Probe) -> Result<Option<Why>, ClientError> {
        let Some(run) = self.store().flow_run(id).await? else { return Ok(None) };
        let look = Look { orchestrator: self, run: &run, now: self.clock().now() };
        Ok(Some(look.explain(probe).await?))
    }
}

/// A look at a run.
struct Look<'r> {
    orchestrator: &'r Orchestrator,
    run: &'r FlowRun,
    now: Timestamp,
}

impl Look<'_> {
    fn because(&self, cause: Cause, message: impl Into<String>, advice: impl Into<String>) -> Why {
        Why::new(self.run.id.0, &self.run.state.name, cause, message.into(), advice.into())
    }

    async fn explain(&self, probe: &dyn Probe) -> Result<Why, StoreError> {
        let run = self.run;
        if run.state.is_terminal() {
            return Ok(self.ended());
        }
        if self.process_is_dead(probe).await? {
            let advice = format!(
                "`flowcore flow-run sweep` marks it as Crashed; then `flowcore flow-run retry {}` executes it again.",
                run.id
            );
            return Ok(self.because(Cause::ProcessDead, "The process that executed the run has died.", advice));
        }
        if let Some(why) = self.parent().await? {
            return Ok(why);
        }
        match run.state.kind {
            StateType::Paused => Ok(self.paused()),
            StateType::Scheduled => Ok(self.scheduled()),
            StateType::Cancelling => {
                let message =
                    format!("The run was asked to end at {}, and its process has yet to end it.", time(&run.state));
                let advice = "Wait for what it is doing, or end its process.";
                Ok(self.because(Cause::Cancelling, message, advice))
            }
            StateType::Pending => {
                let message = "The run has been taken, and its process has yet to begin.";
                Ok(self.because(Cause::Taken, message, "Wait, or look at what its process or its worker logs."))
            }
            _ => self.running().await,
        }
    }

    fn ended(&self) -> Why {
        let run = self.run;
        let advice = if run.state.is_completed() {
            "There is nothing to do.".to_owned()
        } else {
            format!("`flowcore flow-run retry {}` executes it again.", run.id)
        };
        self.because(Cause::Ended, format!("The run has ended: it is {}.", run.state.name), advice)
    }

    /// Tells how the run stands that has called this one, if this is a subflow that has not begun and that no worker is to execute.
    async fn parent(&self) -> Result<Option<Why>, StoreError> {
        let run = self.run;
        let has_begun = !matches!(run.state.kind, StateType::Scheduled | StateType::Pending);
        let is_due = run.state.scheduled_time().is_none_or(|due| due <= self.now);
        let Some(task) = run.parent_task_run_id.filter(|_| !has_begun && is_due && run.origin.deployment_id.is_none())
        else {
            return Ok(None);
        };
        let store = self.orchestrator.store();
        let called_by = TaskRunFilter { ids: Some(vec![task]), ..TaskRunFilter::default() };
        let caller = store.task_runs(&called_by).await?.pop().and_then(|task| task.flow_run_id);
        let Some(parent) = (match caller {
            Some(caller) => store.flow_run(caller).await?,
            None => None,
        }) else {
            return Ok(None);
        };
        let blocker = Blocker::new(BlockerKind::FlowRun, parent.id.0, parent.name.clone());
        let stands = format!("The run is a subflow of '{}', which is {}", parent.name, parent.state.name);
        let (message, advice) = if parent.state.is_terminal() {
            let advice = format!("`flowcore flow-run retry {}` executes both again.", parent.id);
            (format!("{stands}: nobody executes it any more."), advice)
        } else {
            let advice = format!("`flowcore flow-run why {}` says how that one stands.", parent.id);
            (format!("{stands} and is to execute it."), advice)
        };
        Ok(Some(self.because(Cause::WaitsForParent, message, advice).blocked_by(vec![blocker])))
    }

    async fn process_is_dead(&self, probe: &dyn Probe) -> Result<bool, StoreError> {
        let Some(process) = self.run.process_id else { return Ok(false) };
        let leases = self.orchestrator.store().processes().await?;
        let lease = leases.iter().find(|lease| lease.id == process);
        Ok(is_abandoned(lease.map(|lease| (lease, probe.look(lease))), self.now))
    }

    fn paused(&self) -> Why {
        let (run, details) = (self.run, self.run.state.details.as_deref());
        let suspended = run.state.is_suspended();
        let asks = details.is_some_and(|details| details.input_schema.is_some() || details.run_input_keyset.is_some());
        let (cause, what) = match (asks, suspended) {
            (true, _) => (Cause::WaitsForInput, "waits to be told something on its resume"),
            (false, true) => (Cause::Suspended, "is suspended: no process has it until it is resumed"),
            (false, false) => (Cause::Paused, "is paused: its process waits for a resume"),
        };
        let until = details.and_then(|details| details.pause_timeout);
        let limit = until.map(|until| format!(" It fails at {} unless that is done.", clock_time(until)));
        let message = format!("The run {what}.");
        let advice = format!("`flowcore flow-run resume {}` lets it go on.{}", run.id, limit.unwrap_or_default());
        self.because(cause, message, advice).until(until)
    }

    fn scheduled(&self) -> Why {
        let run = self.run;
        let due = run.state.scheduled_time().filter(|due| *due > self.now);
        if let Some(due) = due {
            let at = clock_time(due);
            let why = if run.state.name == StateName::AWAITING_RETRY {
                let message = format!("The run failed and is tried again at {at}.");
                self.because(Cause::WaitsForRetry, message, "Wait until then, or cancel it.")
            } else {
                let message = format!("The run waits for its time, {at}.");
                self.because(Cause::WaitsForTime, message, "Wait until then.")
            };
            return why.until(Some(due));
        }
        if run.process_id.is_some() {
            let message = "The run is due, and the process that has it is about to execute it.";
            return self.because(Cause::Due, message, "Wait a moment.");
        }
        let advice = if run.state.name == StateName::RESUMING {
            format!("`flowcore flow-run resume {}` starts its program again.", run.id)
        } else {
            format!("`flowcore flow-run retry {}` starts its program, if that is known; or start it by hand.", run.id)
        };
        self.because(Cause::NobodyExecutes, "The run is due, and nobody has been asked to execute it.", advice)
    }

    async fn running(&self) -> Result<Why, StoreError> {
        if let Some(why) = self.slot().await? {
            return Ok(why);
        }
        let store = self.orchestrator.store();
        let subflows = FlowRunFilter {
            parent_flow_run_ids: Some(vec![self.run.id]),
            state_types: Some(vec![StateType::Scheduled, StateType::Pending, StateType::Paused]),
            page: LOOK,
            ..FlowRunFilter::default()
        };
        if let Some(child) = store.flow_runs(&subflows).await?.pop() {
            let message = format!("The run waits for its subflow '{}', which is {}.", child.name, child.state.name);
            let advice = format!("`flowcore flow-run why {}` says why that one does not move.", child.id);
            let blocker = Blocker::new(BlockerKind::FlowRun, child.id.0, child.name);
            return Ok(self.because(Cause::WaitsForSubflow, message, advice).blocked_by(vec![blocker]));
        }
        let open = self.task_runs(&[StateType::Running, StateType::Pending, StateType::Scheduled]).await?;
        let is_waiting = |run: &&TaskRun| run.state.name == StateName::AWAITING_RETRY;
        let retry = open.iter().find(is_waiting).and_then(|run| Some((run, run.state.scheduled_time()?)));
        if let Some((task, due)) = retry.filter(|_| !open.iter().any(|run| run.state.kind == StateType::Running)) {
            let message = format!("Its task '{}' failed and is tried again at {}.", task.name, clock_time(due));
            let blocker = Blocker::new(BlockerKind::TaskRun, task.id.0, task.name.clone());
            let why = self.because(Cause::WaitsForRetry, message, "Wait until then, or cancel the run.");
            return Ok(why.until(Some(due)).blocked_by(vec![blocker]));
        }
        if let Some(why) = self.upstream(&open).await? {
            return Ok(why);
        }
        let message = format!(
            "The run is being executed since {}, and nothing is known to stand in its way.",
            time(&self.run.state)
        );
        let advice = format!("`flowcore flow-run watch {}` shows what it does.", self.run.id);
        Ok(self.because(Cause::Running, message, advice))
    }

    /// Tells which task run others of this run wait for: the one that waits for none itself.
    async fn upstream(&self, open: &[TaskRun]) -> Result<Option<Why>, StoreError> {
        let Some((task, mut ahead)) = self.waits_for(open, open).await? else { return Ok(None) };
        let mut way: Vec<TaskRunId> = vec![task.id];
        // Up to where nothing is waited for; inputs that name each other would have no end.
        while !way.contains(&ahead.id)
            && let Some((_, next)) = self.waits_for(std::slice::from_ref(&ahead), open).await?
        {
            way.push(ahead.id);
            ahead = next;
        }
        let message = format!("Its task '{}' waits for '{}', which is {}.", task.name, ahead.name, ahead.state.name);
        let advice = match ahead.flow_run_id.filter(|id| *id != self.run.id) {
            Some(other) => format!("`flowcore flow-run why {other}` says how the run stands that it belongs to."),
            None => format!("`flowcore task-run inspect {}` shows what it does.", ahead.id),
        };
        let until = ahead.state.scheduled_time().filter(|due| *due > self.now);
        let blocker = Blocker::new(BlockerKind::TaskRun, ahead.id.0, ahead.name);
        Ok(Some(self.because(Cause::WaitsForTask, message, advice).until(until).blocked_by(vec![blocker])))
    }

    /// Finds the first of some task runs that has yet to begin and whose inputs are still to come, and what it waits for.
    async fn waits_for(&self, some: &[TaskRun], open: &[TaskRun]) -> Result<Option<(TaskRun, TaskRun)>, StoreError> {
        for task in some.iter().filter(|task| task.state.kind != StateType::Running) {
            let inputs: Vec<TaskRunId> =
                task.task_inputs.values().flatten().filter_map(|input| input.task_run_id()).collect();
            if let Some(ahead) = open.iter().find(|run| inputs.contains(&run.id)) {
                return Ok(Some((task.clone(), ahead.clone())));
            }
            if inputs.is_empty() {
                continue;
            }
            // They may belong to another flow run.
            let filter = TaskRunFilter { ids: Some(inputs), page: LOOK, ..TaskRunFilter::default() };
            let found = self.orchestrator.store().task_runs(&filter).await?;
            if let Some(ahead) = found.into_iter().find(|run| !run.state.is_terminal()) {
                return Ok(Some((task.clone(), ahead)));
            }
        }
        Ok(None)
    }

    async fn task_runs(&self, kinds: &[StateType]) -> Result<Vec<TaskRun>, StoreError> {
        let filter = TaskRunFilter {
            flow_run_ids: Some(vec![self.run.id]),
            state_types: Some(kinds.to_vec()),
            page: LOOK,
            ..TaskRunFilter::default()
        };
        self.orchestrator.store().task_runs(&filter).await
    }

    /// Tells for which limit's slot the run waits, or a task run of it: who has a place in a queue, and task runs that wait with a tag.
    async fn slot(&self) -> Result<Option<Why>, StoreError> {
        let store = self.orchestrator.store();
        let limits = store.limits().await?;
        if limits.is_empty() {
            return Ok(None);
        }
        let names: Vec<String> = limits.iter().map(|limit| limit.name.clone()).collect();
        let occupancy = store.occupancy(&names).await?;
        let waits = occupancy.requests.iter().find(|request| request.holder.flow_run_id == Some(self.run.id));
        let wanted = match waits {
            Some(request) => Some(request.limit.clone()),
            None => {
                let waiting = self.task_runs(&[StateType::Pending, StateType::Scheduled]).await?;
                let tags = waiting.iter().flat_map(|run| run.tags.iter().map(|tag| format!("tag:{tag}")));
                tags.into_iter().find(|name| is_full(&occupancy, name, self.now))
            }
        };
        match wanted {
            Some(limit) => waits_for_slot(store, self.run, &[limit], self.now).await,
            None => Ok(None),
        }
    }
}

/// Tells who has the slots that a run waits for: of the first of these limits that is full, or else of the first. `None` if there is
/// no such limit any more.
///
/// # Errors
///
/// The store cannot be read.
pub async fn waits_for_slot(
    store: &dyn Store,
    run: &FlowRun,
    wanted: &[String],
    now: Timestamp,
) -> Result<Option<Why>, StoreError> {
    let occupancy = store.occupancy(wanted).await?;
    let full = wanted.iter().find(|name| is_full(&occupancy, name, now)).or(wanted.first());
    let Some((name, limit)) = full.and_then(|name| Some((name, occupancy.limit(name)?))) else { return Ok(None) };
    let what = match name.strip_prefix("tag:") {
        Some(tag) => format!("the tag `{tag}`"),
        None => format!("the concurrency limit `{name}`"),
    };
    let message = format!("The run waits for a slot of {what}, of which there are {}.", limit.limit);
    let advice = format!(
        "Wait until one is given back, or raise the limit with `flowcore concurrency update {name} --limit N`."
    );
    let has_one = |lease: &&SlotLease| lease.limit == *name && lease.expires.is_none_or(|end| end > now);
    let mut blockers: Vec<Blocker> =
        occupancy.leases.iter().filter(has_one).map(|lease| blocker(&lease.holder)).collect();
    for blocker in blockers.iter_mut().filter(|blocker| blocker.name.is_empty()) {
        blocker.name = name_of(store, blocker).await?;
    }
    Ok(Some(Why::new(run.id.0, &run.state.name, Cause::WaitsForSlot, message, advice).blocked_by(blockers)))
}

/// Finds the name of a run that has not told it when it took its slot.
async fn name_of(store: &dyn Store, blocker: &Blocker) -> Result<String, StoreError> {
    let found = match (blocker.kind, blocker.id) {
        (BlockerKind::FlowRun, Some(id)) => store.flow_run(FlowRunId(id)).await?.map(|run| run.name),
        (BlockerKind::TaskRun, Some(id)) => {
            let filter = TaskRunFilter { ids: Some(vec![TaskRunId(id)]), ..TaskRunFilter::default() };
            store.task_runs(&filter).await?.pop().map(|run| run.name)
        }
        _ => None,
    };
    Ok(found.unwrap_or_else(|| "somebody who does not say who it is".to_owned()))
}

fn is_full(occupancy: &Occupancy, name: &str, now: Timestamp) -> bool {
    let limit = occupancy.limit(name).filter(|limit| limit.active);
    limit.is_some_and(|limit| slots_taken(occupancy, limit, now) >= u64::from(limit.limit))
}

/// Names who has a slot.
pub fn blocker(holder: &SlotHolder) -> Blocker {
    match (holder.task_run_id, holder.flow_run_id) {
        (Some(task), _) => Blocker::new(BlockerKind::TaskRun, task.0, holder.name.clone()),
        (None, Some(run)) => Blocker::new(BlockerKind::FlowRun, run.0, holder.name.clone()),
        (None, None) => Blocker::new(BlockerKind::Holder, None, holder.name.clone()),
    }
}

/// Writes when a state was entered.
fn time(state: &State) -> String {
    clock_time(state.timestamp)
}

/// Writes a time for people.
pub fn clock_time(time: Timestamp) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
