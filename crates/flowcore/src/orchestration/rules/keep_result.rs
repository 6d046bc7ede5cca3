//! A result is not lost by completing once more.

use crate::model::{State, StateData, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Keeps a completed flow run with its result, when a client completes it again without one: also when it insists.
pub(crate) struct KeepResult;

impl Rule for KeepResult {
    fn name(&self) -> &'static str {
        "KeepResult"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Completed])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Completed])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        match transition.from {
            Some(from) if has_result(from) && !has_result(transition.to) => Verdict::stay(LOSES_RESULT),
            _ => Verdict::Continue,
        }
    }
}

/// Why a completed run is left as it is.
pub(super) const LOSES_RESULT: &str =
    "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not.";

/// Tells whether a state has a result, or where one is.
pub(super) fn has_result(state: &State) -> bool {
    match state.data.as_deref() {
        None => false,
        Some(StateData::Foreign { value }) => match serde_json::from_str(value.get()) {
            Ok(serde_json::Value::Object(fields)) => {
                !fields.is_empty() && fields.get("type").is_none_or(|kind| kind != "unpersisted")
            }
            _ => false,
        },
        Some(_) => true,
    }
}
