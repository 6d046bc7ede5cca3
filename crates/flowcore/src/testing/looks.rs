//! What a test looks at when its flow has run. Whatever is missing, or there twice, is a panic that lists what there is.

use std::fmt::Debug;

use super::engine::TestEngine;
use crate::client::ClientError;
use crate::model::{FlowRun, FlowRunFilter, LogFilter, LogLine, Page, State, TaskRun, TaskRunFilter};

impl TestEngine {
    /// Lists all flow runs, in the order in which they were made.
    pub async fn flow_runs(&self) -> Vec<FlowRun> {
        let filter = FlowRunFilter { page: Page::ALL, ..FlowRunFilter::default() };
        let mut runs = good(self.client().flow_runs(&filter).await);
        runs.reverse();
        runs
    }

    /// Finds the only run of a flow, by the flow's name.
    ///
    /// # Panics
    ///
    /// There is none, or more than one.
    pub async fn flow_run(&self, flow: &str) -> FlowRun {
        let runs = self.flow_runs().await;
        only("flow run", flow, runs, |run| &run.flow_name)
    }

    /// Lists the names of the states of the only run of a flow, oldest first: `["Pending", "Running", "Completed"]`.
    ///
    /// # Panics
    ///
    /// There is no run, or more than one.
    pub async fn flow_states(&self, flow: &str) -> Vec<String> {
        let run = self.flow_run(flow).await;
        names(good(self.client().flow_run_states(run.id).await))
    }

    /// Lists all task runs, in the order in which they were made.
    pub async fn task_runs(&self) -> Vec<TaskRun> {
        good(self.flush().await);
        let filter = TaskRunFilter { page: Page::ALL, ..TaskRunFilter::default() };
        good(self.client().task_runs(&filter).await)
    }

    /// Finds the only task run of this name; without a name of its own, the first run of the task `fetch` is `fetch-0`.
    ///
    /// # Panics
    ///
    /// There is none, or more than one.
    pub async fn task_run(&self, name: &str) -> TaskRun {
        let runs = self.task_runs().await;
        only("task run", name, runs, |run| &run.name)
    }

    /// Lists the names of the states of the only task run of this name, oldest first.
    ///
    /// # Panics
    ///
    /// There is no such run, or more than one.
    pub async fn task_states(&self, name: &str) -> Vec<String> {
        let run = self.task_run(name).await;
        names(good(self.client().task_run_states(run.id).await))
    }

    /// Lists all log lines of runs, in the order of their times.
    pub async fn logs(&self) -> Vec<LogLine> {
        good(self.flush().await);
        good(self.client().logs(&LogFilter { page: Page::ALL, ..LogFilter::default() }).await)
    }

    /// Lists the texts of all log lines of runs.
    pub async fn log_messages(&self) -> Vec<String> {
        self.logs().await.into_iter().map(|line| line.message).collect()
    }
}

fn names(states: Vec<State>) -> Vec<String> {
    states.into_iter().map(|state| state.name.to_string()).collect()
}

#[track_caller]
fn only<R: Debug>(what: &str, name: &str, mut runs: Vec<R>, name_of: impl Fn(&R) -> &String) -> R {
    let all: Vec<String> = runs.iter().map(|run| name_of(run).clone()).collect();
    runs.retain(|run| name_of(run) == name);
    match (runs.pop(), runs.is_empty()) {
        (Some(run), true) => run,
        (None, _) => panic!("there is no {what} of `{name}`; there are: {all:?}"),
        (Some(_), false) => panic!("there are several {what}s of `{name}`: {all:?}"),
    }
}

/// Reading fails only if the test told the store so.
#[track_caller]
fn good<T>(result: Result<T, ClientError>) -> T {
    result.unwrap_or_else(|error| panic!("what runs have left cannot be read: {error}; see `FaultyStore::heal`"))
}
