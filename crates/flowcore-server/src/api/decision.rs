//! What became of a proposed state, as answers tell it.

use flowcore::model::{State, Timestamp};
use flowcore::orchestration::Decision;
use flowcore::wire::{OrchestrationResult, ResponseDetails, SetStateStatus, StateBody};

/// Tells a run that has got no slot of a limit why not.
pub(super) fn refused(details: ResponseDetails, stands: &State) -> OrchestrationResult {
    let status = match &details {
        ResponseDetails::Wait { .. } => SetStateStatus::Wait,
        _ => SetStateStatus::Abort,
    };
    OrchestrationResult { state: Some(StateBody::from(stands)), status, details }
}

/// Tells a decision as Prefect does: with the state in which the run is then.
pub(super) fn decided(decision: &Decision, stands: &State, now: Timestamp) -> OrchestrationResult {
    let said = |why: &str| Some(why.to_owned());
    let (status, details) = match decision {
        Decision::Accept(_) => (SetStateStatus::Accept, ResponseDetails::Accept {}),
        Decision::Reject(_, why) | Decision::Stay(why) => {
            (SetStateStatus::Reject, ResponseDetails::Reject { reason: said(why) })
        }
        Decision::Abort(why) => (SetStateStatus::Abort, ResponseDetails::Abort { reason: said(why) }),
        Decision::Wait(until) => {
            let left = *until - now;
            // Rounded up: who comes too early would have to wait again.
            let delay_seconds = (left.num_seconds() + i64::from(left.subsec_nanos() > 0)).max(0);
            let reason = said("Scheduled time is in the future");
            (SetStateStatus::Wait, ResponseDetails::Wait { delay_seconds, reason })
        }
    };
    let state = match decision {
        Decision::Accept(state) | Decision::Reject(state, _) => state,
        _ => stands,
    };
    OrchestrationResult { state: Some(StateBody::from(state)), status, details }
}
