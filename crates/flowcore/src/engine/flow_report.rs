//! What a flow run tells of itself: log lines, and the hooks that are called.

use super::flow_engine::FlowExecution;
use super::hooks::{Hook, HookEvent};
use super::insist::LeftOpen;
use super::options::FlowOptions;
use crate::client::ClientError;
use crate::model::{FlowRun, State, StateType};

impl FlowExecution {
    /// Says that the run stays as it stands, since the store has failed for too long.
    pub(super) fn left_open(&self, what: &str, source: ClientError) -> LeftOpen {
        let left = LeftOpen { what: what.to_owned(), stands: self.run.state.name.to_string(), source };
        tracing::error!(target: "flowcore::flow_run", "Flow run '{}': {left} ({})", self.run.name, left.source);
        left
    }

    /// Waits until events and log lines are kept. Those that cannot be are put back and come with the next ones.
    pub(super) async fn flush_told(&self) {
        let name = &self.run.name;
        if let Err(error) = self.engine.0.events.flush().await {
            tracing::warn!(target: "flowcore", "events of flow run '{name}' are not kept yet: {error}");
        }
        if let Err(error) = self.engine.0.logs.flush().await {
            tracing::warn!(target: "flowcore", "log lines of flow run '{name}' are not kept yet: {error}");
        }
    }

    pub(super) async fn hooks(&self, which: impl Fn(&FlowOptions) -> &Vec<Hook>, state: &State) {
        let hooks = which(self.call.options());
        if !hooks.is_empty() {
            Hook::call_all(hooks, &event_of(&self.run, state)).await;
        }
    }

    pub(super) fn log_begin(&self) {
        match self.run.times.run_count {
            ..2 => {
                tracing::info!(target: "flowcore::flow_run", "Beginning flow run '{}' of flow '{}'", self.run.name, self.run.flow_name)
            }
            attempt => {
                tracing::info!(target: "flowcore::flow_run", "Continuing flow run '{}', attempt {attempt}", self.run.name)
            }
        }
    }

    pub(super) fn log_end(&self, state: &State) {
        match (&state.message, state.is_completed()) {
            _ if state.is_suspended() => {
                tracing::info!(target: "flowcore::flow_run", "Suspended until it is resumed");
            }
            (_, true) => tracing::info!(target: "flowcore::flow_run", "Finished in state {}", state.name),
            (Some(message), false) => {
                tracing::error!(target: "flowcore::flow_run", "Finished in state {}: {message}", state.name)
            }
            (None, false) => tracing::error!(target: "flowcore::flow_run", "Finished in state {}", state.name),
        }
    }
}

/// Tells which hooks a final state calls for.
pub(crate) fn hooks_of(state: &State) -> fn(&FlowOptions) -> &Vec<Hook> {
    match state.kind {
        StateType::Completed => |options| &options.common.on_completion,
        StateType::Cancelled => |options| &options.on_cancellation,
        StateType::Crashed => |options| &options.on_crashed,
        _ => |options| &options.common.on_failure,
    }
}

pub(crate) fn event_of(run: &FlowRun, state: &State) -> HookEvent {
    HookEvent {
        name: run.flow_name.clone(),
        run_name: run.name.clone(),
        flow_run_id: Some(run.id),
        task_run_id: None,
        state: state.clone(),
    }
}
