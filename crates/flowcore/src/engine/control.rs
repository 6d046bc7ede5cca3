//! Asking runs to end or to go on, from code.

use std::future::IntoFuture;
use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;

use super::core::Engine;
use crate::client::ClientError;
use crate::model::{FlowRun, FlowRunId, State, StateType};
use crate::orchestration::{Decision, InputProblem, Resumption};

/// Why a run was not asked to end or to go on.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such run.
    #[error("there is no flow run {0} in this database")]
    NoRun(FlowRunId),
    /// It is in no state for that.
    #[error("flow run '{run}' cannot be {what}: {why}")]
    Refused {
        /// The run's name.
        run: String,
        /// What was asked: `cancelled`, `resumed`.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// What it was to be told is not what it waits for. It waits on.
    #[error("flow run '{run}' waits for another input: {}", list(.problems))]
    WrongInput {
        /// The run's name.
        run: String,
        /// What is wrong.
        problems: Vec<InputProblem>,
    },
    /// The input cannot be written as JSON.
    #[error("the input cannot be written as JSON: {0}")]
    Input(#[from] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

fn list(problems: &[InputProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Asks a flow run to end, wherever it is executed, and gives its state then: CANCELLING while a process executes it,
/// CANCELLED if nobody does. Its subflows and tasks end with it: async ones at their next await, plain ones when they
/// return (they can ask [`current::is_cancelled`](crate::current::is_cancelled)). When nothing of it runs any more it is
/// CANCELLED, and its `on_cancellation` hooks are called.
///
/// # Errors
///
/// There is no such run, it has ended already, or the store fails.
pub async fn cancel_flow_run(engine: &Engine, id: FlowRunId) -> Result<State, ControlError> {
    let run = find(engine, id).await?;
    let decided = engine.0.client.cancel_flow_run(&run).await?;
    engine.0.executing.tell(&decided.run);
    match decided.decision {
        Decision::Accept(state) | Decision::Reject(state, _) => Ok(state),
        // It was asked before.
        _ if decided.run.state.kind == StateType::Cancelling => Ok(decided.run.state),
        _ => Err(refused(&decided.run, "cancelled")),
    }
}

/// Lets a flow run go on that is paused or suspended. A paused one goes on in its process; a suspended one is scheduled,
/// for [`execute_flow_run`](crate::execute_flow_run) or `flowcore flow-run resume`. Gives its state then.
///
/// # Errors
///
/// There is no such run, it is not paused, its time limit has passed, it waits for another input, or the store fails.
pub fn resume_flow_run(engine: &Engine, id: FlowRunId) -> Resume<'_> {
    Resume { engine, id, input: None }
}

/// A resume that has not happened: await it, after saying what the run is to be told.
#[must_use = "a resume does nothing until it is awaited"]
pub struct Resume<'a> {
    engine: &'a Engine,
    id: FlowRunId,
    input: Option<Result<Value, serde_json::Error>>,
}

impl<'a> Resume<'a> {
    /// Tells the run what it waits for.
    pub fn input(mut self, input: impl Serialize) -> Self {
        self.input = Some(serde_json::to_value(input));
        self
    }

    async fn run(self) -> Result<State, ControlError> {
        let run = find(self.engine, self.id).await?;
        let client = &self.engine.0.client;
        let decided = match client.resume_flow_run(&run, self.input.transpose()?).await? {
            Resumption::Decided(decided) => decided,
            Resumption::WrongInput(problems) => return Err(ControlError::WrongInput { run: run.name, problems }),
        };
        match decided.decision {
            Decision::Accept(state) => {
                self.engine.0.executing.tell(&decided.run);
                Ok(state)
            }
            Decision::Reject(_, why) => {
                Err(ControlError::Refused { run: run.name, what: "resumed", why: why.into_owned() })
            }
            _ => Err(refused(&decided.run, "resumed")),
        }
    }
}

impl<'a> IntoFuture for Resume<'a> {
    type Output = Result<State, ControlError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Lets the run go on.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

async fn find(engine: &Engine, id: FlowRunId) -> Result<FlowRun, ControlError> {
    engine.0.client.flow_run(id).await?.ok_or(ControlError::NoRun(id))
}

fn refused(run: &FlowRun, what: &'static str) -> ControlError {
    ControlError::Refused { run: run.name.clone(), what, why: format!("it is {}", run.state.name) }
}
