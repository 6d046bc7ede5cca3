//! The flow runs that this process executes, and the one watch over what is asked of them from elsewhere.
//!
//! What is asked through this engine reaches a run at once. What other processes ask stands in the store: while runs are
//! executed, flowcore's own thread looks there four times a second, with one question for all runs, and one more for
//! those that are paused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::background::Background;
use super::cancel::Cancel;
use super::condition::Condition;
use crate::client::{Client, ClientError};
use crate::model::{FlowRun, FlowRunFilter, FlowRunId, Page, ProcessId, State, StateType};

/// How often the watch looks: what people ask for takes effect without their noticing a wait.
const LOOK: Duration = Duration::from_millis(250);

/// The flow runs under way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Executing(Arc<Shared>);

struct Shared {
    client: Arc<dyn Client>,
    background: Background,
    runs: Mutex<Runs>,
}

#[derive(Default)]
struct Runs {
    under_way: HashMap<FlowRunId, Arc<UnderWay>>,
    watched: bool,
}

/// One run, as those outside of it reach it.
struct UnderWay {
    cancel: Cancel,
    /// Whether it waits for a resume.
    paused: AtomicBool,
    /// The state that ended its pause.
    left: Mutex<Option<State>>,
    /// How many values were sent to it from this process.
    inputs: AtomicUsize,
    news: Condition,
}

/// A run's place among those under way, given up when dropped.
pub(crate) struct Place {
    executing: Executing,
    id: FlowRunId,
}

/// A run's wait for a resume.
pub(crate) struct Wait {
    run: Arc<UnderWay>,
    /// Names the pause.
    key: String,
}

impl Executing {
    pub(crate) fn new(client: Arc<dyn Client>, background: Background) -> Self {
        Executing(Arc::new(Shared { client, background, runs: Mutex::default() }))
    }

    /// Notes that this process executes a run, and watches over it from now on.
    pub(crate) fn enter(&self, process: ProcessId, id: FlowRunId, cancel: Cancel) -> Place {
        let run = UnderWay {
            cancel,
            paused: AtomicBool::new(false),
            left: Mutex::default(),
            inputs: AtomicUsize::new(0),
            news: Condition::new(),
        };
        let mut runs = self.0.lock();
        runs.under_way.insert(id, Arc::new(run));
        if !self.0.background.is_alone() && !std::mem::replace(&mut runs.watched, true) {
            self.0.background.run(self.0.clone().watch(process));
        }
        Place { executing: self.clone(), id }
    }

    /// Tells a run that is executed here how it stands now: it ends if it was asked to, and goes on if it was resumed.
    pub(crate) fn tell(&self, run: &FlowRun) {
        self.0.tell(run.id, &run.state);
    }

    /// Tells a run that is executed here that a value was sent to it.
    pub(crate) fn tell_input(&self, id: FlowRunId) {
        if let Some(run) = self.0.under_way(id) {
            run.inputs.fetch_add(1, Ordering::AcqRel);
            run.news.changed();
        }
    }

    /// Tells how many values were sent to a run from this process.
    pub(crate) fn inputs(&self, id: FlowRunId) -> usize {
        self.0.under_way(id).map_or(0, |run| run.inputs.load(Ordering::Acquire))
    }

    /// Waits until more values than these were sent to a run from this process.
    pub(crate) async fn input_behind(&self, id: FlowRunId, seen: usize) {
        match self.0.under_way(id) {
            Some(run) => run.news.met(|| (run.inputs.load(Ordering::Acquire) != seen).then_some(())).await,
            None => std::future::pending().await,
        }
    }

    /// Prepares a run's wait for a resume; none if it is not executed here.
    pub(crate) fn wait(&self, id: FlowRunId, key: String) -> Option<Wait> {
        let run = self.0.under_way(id)?;
        *run.left() = None;
        run.paused.store(true, Ordering::Release);
        Some(Wait { run, key })
    }
}

impl Wait {
    /// Waits until the run has left this pause, and gives its state then.
    pub(crate) async fn left(&self) -> State {
        // A look may have seen the run before it was paused.
        let is_behind = |state: &State| {
            state.kind != StateType::Running
                || state.details.as_ref().is_some_and(|details| details.pause_key.as_ref() == Some(&self.key))
        };
        self.run.news.met(|| self.run.left().take().filter(is_behind)).await
    }
}

impl Wait {
    /// Tells whether the run is asked to end.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.run.cancel.is_requested()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.run.paused.store(false, Ordering::Release);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.executing.0.lock().under_way.remove(&self.id);
    }
}

impl UnderWay {
    fn left(&self) -> MutexGuard<'_, Option<State>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self, id: FlowRunId) -> Option<Arc<UnderWay>> {
        self.lock().under_way.get(&id).cloned()
    }

    fn tell(&self, id: FlowRunId, state: &State) {
        let Some(run) = self.under_way(id) else { return };
        if state.kind == StateType::Cancelling {
            run.cancel.cancel();
        } else if state.kind != StateType::Paused && run.paused.load(Ordering::Acquire) {
            *run.left() = Some(state.clone());
            run.news.changed();
        }
    }

    /// Looks after the runs until there is none.
    async fn watch(self: Arc<Self>, process: ProcessId) {
        loop {
            self.background.others(LOOK).await;
            {
                let mut runs = self.lock();
                if runs.under_way.is_empty() {
                    runs.watched = false;
                    return;
                }
            }
            if let Err(error) = self.look(process).await {
                // It is asked again in a moment; whoever writes to the store reports the same.
                tracing::debug!(target: "flowcore", "it cannot be seen what is asked of runs: {error}");
            }
        }
    }

    async fn look(&self, process: ProcessId) -> Result<(), ClientError> {
        for id in self.client.cancelling_flow_runs(process).await? {
            if let Some(run) = self.under_way(id) {
                run.cancel.cancel();
            }
        }
        let is_paused = |(id, run): (&FlowRunId, &Arc<UnderWay>)| run.paused.load(Ordering::Acquire).then_some(*id);
        let paused: Vec<_> = self.lock().under_way.iter().filter_map(is_paused).collect();
        if paused.is_empty() {
            return Ok(());
        }
        let filter = FlowRunFilter { ids: Some(paused.clone()), page: Page::ALL, ..FlowRunFilter::default() };
        let found = self.client.flow_runs(&filter).await?;
        for run in &found {
            self.tell(run.id, &run.state);
        }
        // Nobody can resume a run that was deleted.
        for id in paused.into_iter().filter(|id| found.iter().all(|run| run.id != *id)) {
            if let Some(run) = self.under_way(id) {
                run.cancel.cancel();
            }
        }
        Ok(())
    }
}
