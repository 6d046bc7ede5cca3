//! Which rules govern what, and in which order.

use super::rule::Rule;
use super::rules::{
    CancellingEndsCancelled, CompletedEndsWithTransaction, CompletedStays, EndedStaysEnded, KeepScheduledTime,
    NoPendingAfterStart, NobodyToCancel, OnlyRunningPauses, OnlyScheduledIsLate, PausedIsResumed, RenameReruns,
    RetryFailed, RunningIsTaken, WaitForScheduledTime,
};

/// Rules in the order in which they judge.
pub type Policy = &'static [&'static dyn Rule];

/// What governs flow runs. The order matters: what has ended is sorted out first, retries come after what could forbid
/// them, names come last.
pub const FLOW_POLICY: Policy = &[
    &CompletedStays,
    &EndedStaysEnded,
    &CancellingEndsCancelled,
    &NobodyToCancel,
    &NoPendingAfterStart,
    &RunningIsTaken,
    &OnlyRunningPauses,
    &PausedIsResumed,
    &OnlyScheduledIsLate,
    &KeepScheduledTime,
    &WaitForScheduledTime,
    &RetryFailed,
    &RenameReruns,
];

/// What governs task runs. A task that was interrupted may run again when its flow is resumed, so only a completed one
/// stays as it is, unless its transaction undoes it.
pub const TASK_POLICY: Policy = &[
    &CompletedEndsWithTransaction,
    &NoPendingAfterStart,
    &KeepScheduledTime,
    &WaitForScheduledTime,
    &RetryFailed,
    &RenameReruns,
];

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
