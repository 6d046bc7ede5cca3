//! Hooks: user code that runs when a run enters a state.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::panics::{CatchPanics, Panicked};
use crate::model::{FlowRunId, State, TaskRunId};

/// What a hook is told: which run entered which state.
#[derive(Clone, Debug)]
pub struct HookEvent {
    /// The flow's or the task's name.
    pub name: String,
    /// The run's name.
    pub run_name: String,
    /// The flow run: the one that changed, or the one that the task belongs to.
    pub flow_run_id: Option<FlowRunId>,
    /// The task run, if a task run changed.
    pub task_run_id: Option<TaskRunId>,
    /// The state that was entered.
    pub state: State,
}

/// User code that runs when a run enters a state. What it returns is not looked at; a panic in it is logged.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(HookEvent) -> HookFuture + Send + Sync>);

type HookFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Hook {
    /// Calls hooks one after the other. A hook that panics is logged, and the next one is called.
    pub(crate) async fn call_all(hooks: &[Hook], event: &HookEvent) {
        for hook in hooks {
            let called = match Panicked::catch(|| (hook.0)(event.clone())) {
                Ok(future) => CatchPanics(future).await,
                Err(panicked) => Err(panicked),
            };
            if let Err(panicked) = called {
                let place = panicked.location.as_deref().unwrap_or("an unknown place");
                tracing::error!(target: "flowcore", "a hook of `{}` {panicked} at {place}", event.run_name);
            }
        }
    }
}

impl<F, R> From<F> for Hook
where
    F: Fn(HookEvent) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    fn from(hook: F) -> Self {
        Hook(Arc::new(move |event| Box::pin(hook(event))))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
