//! The final state of a flow run, where its function says it by what it returns.

use super::codec::Value;
use super::core::Engine;
use super::error::Error;
use crate::model::{State, StateType};

/// The state that a flow run is to end in, with its value or error.
pub(crate) struct Ending {
    pub(crate) state: State,
    pub(crate) value: Option<Value>,
    pub(crate) source: Option<Error>,
}

/// Reads the final state from a flow's value when it is a [`State`] or a list of states; none for any other value.
///
/// One state is taken as it is. Of several, all have to be Completed; otherwise the run is Failed and says how many
/// were not.
pub(crate) fn ending_of(engine: &Engine, value: &Value) -> Option<State> {
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
