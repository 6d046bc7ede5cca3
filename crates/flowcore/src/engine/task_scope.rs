//! The task run around the code.

use std::sync::{Arc, OnceLock};

use super::asset::TaskAssets;
use super::cancel::Cancel;
use super::entry::Entry;
use super::spans::RunSpan;
use super::yields::AnyOutlet;
use crate::model::TaskRunId;

/// The task run around the code.
pub(crate) struct TaskScope {
    pub(crate) id: TaskRunId,
    entry: Arc<Entry>,
    pub(crate) attempt: i32,
    /// What it materializes and depends on, if it has to do with assets.
    pub(crate) assets: Option<Arc<TaskAssets>>,
    pub(crate) span: RunSpan,
    /// How many task runs are around it.
    pub(crate) depth: usize,
    /// Whether its body has a thread that it may block.
    pub(crate) on_thread: bool,
    /// Where its values go while it runs, if it yields some.
    pub(crate) outlet: Option<AnyOutlet>,
    /// Asks the task run to end.
    run: Cancel,
    /// Asks this attempt of it to end, and what is called in it. Made when it is first needed, which most never do.
    cancel: OnceLock<Cancel>,
}

impl TaskScope {
    pub(crate) fn new(entry: Arc<Entry>, depth: usize, run: Cancel) -> Self {
        let (id, attempt) = entry.with(|run| (run.id, run.times.run_count));
        TaskScope {
            id,
            entry,
            attempt,
            assets: None,
            span: RunSpan::default(),
            depth,
            on_thread: false,
            outlet: None,
            run,
            cancel: OnceLock::new(),
        }
    }

    /// Says whether its body has a thread that it may block.
    pub(crate) fn on_thread(self, on_thread: bool) -> Self {
        TaskScope { on_thread, ..self }
    }

    /// Says where its values go while it runs.
    pub(crate) fn yields_to(self, outlet: Option<AnyOutlet>) -> Self {
        TaskScope { outlet, ..self }
    }

    /// Makes the same with the run's span, and what the run has to do with assets.
    pub(crate) fn with(self, span: RunSpan, assets: Option<Arc<TaskAssets>>) -> Self {
        TaskScope { span, assets, ..self }
    }

    /// Gives what asks this attempt to end: with its run, or alone.
    pub(crate) fn cancel(&self) -> &Cancel {
        self.cancel.get_or_init(|| self.run.child())
    }

    pub(crate) fn name(&self) -> String {
        self.entry.with(|run| run.name.clone())
    }

    /// Tells whether the task's function is in this crate.
    #[cfg(feature = "logs")]
    pub(crate) fn is_in_crate(&self, name: &str) -> bool {
        self.entry.with(|run| run.task_key.split("::").next() == Some(name))
    }

    pub(crate) fn name_and_tags(&self) -> (String, Vec<String>) {
        self.entry.with(|run| (run.name.clone(), run.tags.clone()))
    }

    /// Makes another one of the same run and attempt.
    pub(super) fn again(&self) -> Self {
        let (entry, run, outlet) = (self.entry.clone(), self.run.clone(), self.outlet.clone());
        let (span, assets) = (self.span.clone(), self.assets.clone());
        TaskScope { entry, run, outlet, span, assets, cancel: OnceLock::from(self.cancel().clone()), ..*self }
    }
}
