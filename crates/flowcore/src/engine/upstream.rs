//! Waiting for the runs that a call's arguments come from, and the graph's edges to them.

use super::cancel::Cancel;
use super::error::RunError;
use super::job::Job;
use super::settled::Promise;
use super::task_call::Call;
use crate::model::{TaskInput, TaskInputs, TaskRunId, Text};

/// What waiting for a call's arguments came to.
pub(crate) struct Upstream {
    pub(crate) edges: TaskInputs,
    /// Why the call cannot start.
    pub(crate) failed: Option<RunError>,
}

impl Upstream {
    /// What a call has that waits for nothing.
    pub(crate) fn none(parent: Option<TaskRunId>) -> Self {
        let mut edges = TaskInputs::new();
        if let Some(id) = parent {
            edges.insert(Text::Borrowed("__parents__"), vec![TaskInput::TaskRun { id }]);
        }
        Upstream { edges, failed: None }
    }

    /// Adds an edge to a run, if it has an id yet.
    fn add(&mut self, name: &'static str, to: &Promise) {
        if let Some(input) = to.input() {
            self.edges.entry(Text::Borrowed(name)).or_default().push(input);
        }
    }
}

/// Waits until every run that a call needs has settled, or the call is asked to end.
pub(crate) async fn upstream_settled(call: &Call, cancel: &Cancel) {
    let mut needed = call.wait_for.clone();
    call.job.visit_runs(&mut |_, run| needed.push(run.promise.clone()));
    for promise in needed {
        tokio::select! {
            _ = promise.wait() => {}
            () = cancel.requested() => return,
        }
    }
}

/// Waits for everything that a call of a task needs.
pub(crate) async fn upstream(call: &Call, parent: Option<TaskRunId>, cancel: &Cancel) -> Upstream {
    let mut upstream = wait_for(&*call.job, call.definition.site.parameters, &call.wait_for, cancel).await;
    upstream.edges.append(&mut Upstream::none(parent).edges);
    upstream
}

/// Waits for the runs that arguments come from, and for others that were named.
pub(crate) async fn wait_for(
    job: &dyn Job,
    names: &'static [&'static str],
    others: &[Promise],
    cancel: &Cancel,
) -> Upstream {
    let mut needed: Vec<(&'static str, Promise, bool)> = Vec::new();
    job.visit_runs(&mut |nth, run| {
        needed.push((names.get(nth).copied().unwrap_or_default(), run.promise.clone(), run.tolerant));
    });
    needed.extend(others.iter().map(|promise| ("wait_for", promise.clone(), false)));
    let mut upstream = Upstream { edges: TaskInputs::new(), failed: None };
    for (name, promise, tolerant) in needed {
        let settled = tokio::select! {
            settled = promise.wait() => settled,
            () = cancel.requested() => {
                // The run itself will say that it was cancelled; it only must not touch its arguments.
                let error = super::error::Error::msg("the flow was asked to end");
                upstream.failed.get_or_insert_with(|| RunError::infrastructure("a run that it waits for", error));
                upstream.add(name, &promise);
                continue;
            }
        };
        upstream.add(name, &promise);
        if let (Err(error), false) = (&settled.result, tolerant) {
            upstream.failed.get_or_insert_with(|| error.clone());
        }
    }
    upstream
}
