//! The state that an attempt of a flow leads to: its function says it by what it returns, or it follows from its end.

use super::attempt::{Attempt, Fault};
use super::codec::Value;
use super::core::Engine;
use super::error::Error;
use super::flow_engine::FlowExecution;
use super::names::fill;
use super::panics::Panicked;
use crate::model::{State, StateType};

/// The state that a flow run is to end in, with its value or error.
pub(crate) struct Ending {
    pub(crate) state: State,
    pub(crate) value: Option<Value>,
    pub(crate) source: Option<Error>,
}

impl FlowExecution {
    /// Makes the state that an attempt leads to.
    pub(super) async fn judge(&self, attempt: Attempt) -> Ending {
        match attempt {
            Attempt::Value(value) => match ending_of(&self.engine, &value) {
                Some(state) => Ending { value: state.is_completed().then_some(value), state, source: None },
                None => self.completed(value).await,
            },
            Attempt::Failed(fault) => self.failed(fault),
            Attempt::Cancelled => {
                let state = self.engine.state(StateType::Cancelled).message("The flow was asked to end.");
                Ending { state, value: None, source: None }
            }
        }
    }

    /// Makes the state that a panic of code around the body leads to.
    pub(super) fn panicked(&self, panicked: Panicked) -> Ending {
        self.failed(Fault::Panic(panicked))
    }

    async fn completed(&self, value: Value) -> Ending {
        let own_key = || match &self.call.options().common.result_storage_key {
            Some(template) => {
                let id = self.run.id.to_string();
                let more = [
                    ("flow_name", self.run.flow_name.as_str()),
                    ("flow_run_id", &id),
                    ("flow_run_name", &self.run.name),
                ];
                fill(template, &self.arguments, &more)
            }
            None => self.run.id.to_string(),
        };
        let keeping = self.call.keeping(&self.engine);
        let kept = match keeping.keep_inline(&value) {
            Some(kept) => Ok(kept),
            None => keeping.keep(&value, None, own_key).await,
        };
        match kept {
            Ok(data) => {
                let mut state = self.engine.state(StateType::Completed);
                state.data = data.map(Box::new);
                Ending { state, value: Some(value), source: None }
            }
            Err(error) => self.failed(Fault::Error(error)),
        }
    }

    fn failed(&self, fault: Fault) -> Ending {
        let failed = self.engine.state(StateType::Failed);
        let (state, source) = fault.describe("The flow", failed, &self.call.options().common);
        Ending { state, value: None, source }
    }
}

/// Reads the final state from a flow's value when it is a [`State`] or a list of states; none for any other value.
///
/// One state is taken as it is. Of several, all have to be Completed; otherwise the run is Failed and says how many
/// were not.
fn ending_of(engine: &Engine, value: &Value) -> Option<State> {
    if let Some(state) = value.downcast_ref::<State>() {
        if !state.is_terminal() {
            let message = format!("The flow returned the state {}, which is no end.", state.name);
            return Some(engine.state(StateType::Failed).message(message));
        }
        let mut ending = engine.state(state.kind).named(state.name.clone());
        ending.message.clone_from(&state.message);
        return Some(ending);
    }
    let states = value.downcast_ref::<Vec<State>>()?;
    let failed = states.iter().filter(|state| !state.is_completed()).count();
    Some(if failed == 0 {
        engine.state(StateType::Completed).message("All states completed.")
    } else {
        engine.state(StateType::Failed).message(format!("{failed}/{} states failed.", states.len()))
    })
}
