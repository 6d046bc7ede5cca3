//! What became of a proposed state, as answers tell it.

use flowcore::model::{State, Timestamp};
use flowcore::orchestration::Decision;
use flowcore::wire::{OrchestrationResult, ResponseDetails, SetStateStatus, StateBody};

/// Tells a decision as Prefect does.
pub(super) fn decided(decision: &Decision, stands: &State, now: Timestamp) -> OrchestrationResult {
    let (state, status, details) = match decision {
        Decision::Accept(state) => (Some(state), SetStateStatus::Accept, ResponseDetails::Accept {}),
        Decision::Reject(state, why) => {
            (Some(state), SetStateStatus::Reject, ResponseDetails::Reject { reason: Some(why.to_string()) })
        }
        // The run stays where it is, and that is the state which it has instead.
        Decision::Stay(why) => {
            (Some(stands), SetStateStatus::Reject, ResponseDetails::Reject { reason: Some(why.to_string()) })
        }
        Decision::Abort(why) => (None, SetStateStatus::Abort, ResponseDetails::Abort { reason: Some(why.to_string()) }),
        Decision::Wait(until) => {
            let left = *until - now;
            // Rounded up: who comes too early would have to wait again.
            let delay_seconds = left.num_seconds() + i64::from(left.subsec_nanos() > 0);
            let reason = Some("the scheduled time is in the future".to_owned());
            (None, SetStateStatus::Wait, ResponseDetails::Wait { delay_seconds: delay_seconds.max(0), reason })
        }
    };
    OrchestrationResult { state: state.map(StateBody::from), status, details }
}
