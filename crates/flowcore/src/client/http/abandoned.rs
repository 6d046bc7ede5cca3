//! Flow runs whose process has died: the next process on the machine tells the server what became of them.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::backlog;
use super::flow_runs::suspends;
use super::inner::Inner;
use super::outbox::{EVENTS, LOGS};
use crate::client::{ClientError, ServerError};
use crate::model::{
    FlowRun, FlowRunId, Page, ProcessId, State, StateId, StateName, StateType, TaskRun, TaskRunFilter, TaskRunRecord,
};
use crate::orchestration::Decision;

const WHY: &str = "The process that executed the run has died.";

/// How long whoever begins waits for the server to take what the dead process has left.
const CAUGHT_UP: Duration = Duration::from_secs(10);

/// How often it is tried again while the server is away.
const AGAIN: Duration = Duration::from_secs(5);

impl Inner {
    /// Marks the flow runs of dead processes, if the server is there.
    pub(super) async fn crash_abandoned_runs(self: &Arc<Self>) -> Result<Vec<FlowRun>, ClientError> {
        let abandoned = self.outbox.abandoned();
        if abandoned.is_empty() && self.outbox.abandoned_tasks().is_empty() {
            return Ok(Vec::new());
        }
        // First what the process had to say itself: its task runs' last states, its last lines.
        if !self.events.cleared(CAUGHT_UP).await {
            tracing::warn!(
                target: "flowcore",
                "{} flow runs of a process that has died are marked when the server is back", abandoned.len()
            );
            let inner = Arc::downgrade(self);
            tokio::spawn(async move {
                while let Some(inner) = inner.upgrade() {
                    if inner.events.cleared(AGAIN).await && inner.mark_all().await.is_ok() {
                        return;
                    }
                }
            });
            return Ok(Vec::new());
        }
        self.mark_all().await
    }

    async fn mark_all(&self) -> Result<Vec<FlowRun>, ClientError> {
        let mut marked = Vec::new();
        for (run, process) in self.outbox.abandoned() {
            marked.extend(self.mark(run, process).await?);
            self.outbox.buried(run, process);
        }
        self.free_task_runs().await?;
        Ok(marked)
    }

    /// Takes over what processes on this machine have left that have died since this one began. What the server is to be
    /// told goes behind what this one has to say.
    pub(super) async fn take_over_the_dead(&self) -> Result<(), ClientError> {
        for left in self.outbox.left_behind() {
            for (name, lane) in [(EVENTS, &self.events), (LOGS, &self.logs)] {
                for file in left.files(name) {
                    lane.deliver(backlog::lines(&file)).await?;
                    // One that stays is sent once more.
                    drop(fs::remove_file(file));
                }
            }
            self.outbox.take_over(&left).map_err(|error| ServerError::NotKept {
                folder: self.outbox.place().to_owned(),
                reason: error.to_string(),
            })?;
        }
        let is_left = !self.outbox.abandoned().is_empty() || !self.outbox.abandoned_tasks().is_empty();
        // Otherwise it is looked at again.
        if is_left && self.events.cleared(CAUGHT_UP).await {
            self.mark_all().await?;
        }
        Ok(())
    }

    /// Marks a run, unless it has ended or another process has taken it. Its task runs first: should this process die as
    /// well, the run is found again.
    async fn mark(&self, id: FlowRunId, process: ProcessId) -> Result<Option<FlowRun>, ClientError> {
        let Some(run) = self.find_flow_run(id).await? else { return Ok(None) };
        if run.state.is_terminal() || run.state.is_suspended() || run.process_id != Some(process) {
            return Ok(None);
        }
        self.end_task_runs(id, run.times.run_count, self.state(StateType::Crashed).message(WHY)).await?;
        let end = match run.state.kind {
            StateType::Cancelling => self.state(StateType::Cancelled).message(WHY),
            // Whoever is to resume it can still do so.
            StateType::Paused => {
                let mut state = self.state(StateType::Paused).named(StateName::SUSPENDED);
                state.message.clone_from(&run.state.message);
                state.details.clone_from(&run.state.details);
                state.details_mut().pause_reschedule = true;
                state
            }
            _ => self.state(StateType::Crashed).message(WHY),
        };
        let insists = suspends(&run, &end);
        let decided = self.propose(run, end, insists).await?;
        Ok(matches!(decided.decision, Decision::Accept(_)).then_some(decided.run))
    }

    /// Ends the task runs of a flow run that have not ended, up to this attempt.
    pub(super) async fn end_task_runs(&self, id: FlowRunId, attempt: i32, state: State) -> Result<u64, ClientError> {
        let open =
            [StateType::Scheduled, StateType::Pending, StateType::Running, StateType::Paused, StateType::Cancelling];
        let filter = TaskRunFilter {
            flow_run_ids: Some(vec![id]),
            state_types: Some(open.to_vec()),
            page: Page::ALL,
            ..TaskRunFilter::default()
        };
        let never_runs = |state: &State| state.kind == StateType::Pending && state.name == StateName::NOT_READY;
        let open = self.task_runs(&filter).await?.into_iter();
        let records: Vec<TaskRunRecord> = open
            .filter(|run| run.attempt <= attempt && !never_runs(&run.state))
            .map(|mut run: TaskRun| {
                let end = State { id: StateId(self.clock.uuid()), ..state.clone() };
                run.enter(end.clone());
                // How long the history is, the server knows.
                TaskRunRecord { run, states: vec![end], history_len: 0 }
            })
            .collect();
        self.record_task_runs(&records).await?;
        Ok(records.len() as u64)
    }
}
