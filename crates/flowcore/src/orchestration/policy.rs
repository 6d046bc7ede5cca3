//! Which rules govern what, and in which order.

use super::rule::Rule;
use super::rules::{
    CachedResult, CancellingEndsCancelled, CompletedEndsWithTransaction, CompletedStays, EndedIsRerun, EndedStaysEnded,
    EndedTaskIsRerun, FlowMustRun, KeepResult, KeepScheduledTime, LateOnce, MadeOnce, NameReruns,
    NoInfrastructureToCancel, NoPendingAfterStart, NobodyToCancel, OnlyRunningPauses, OnlyScheduledIsLate, PauseOnce,
    PausedIsResumed, PendingOnce, RenameReruns, ResumeInTime, RetryFailed, RunningIsTaken, ShortCacheKey,
    WaitForScheduledTime,
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

/// What governs the flow runs that Prefect's clients orchestrate: its rules, in its order.
pub(super) const CLIENT_FLOW_POLICY: Policy = &[
    &MadeOnce,
    &EndedIsRerun,
    &CancellingEndsCancelled,
    &NoInfrastructureToCancel,
    &PendingOnce,
    &LateOnce,
    &PauseOnce,
    &ResumeInTime,
    &KeepScheduledTime,
    &WaitForScheduledTime,
    &RetryFailed,
];

/// What governs them when a client insists.
pub(super) const FORCED_FLOW_POLICY: Policy = &[&KeepResult, &NoInfrastructureToCancel];

/// What governs the task runs that Prefect's clients orchestrate.
pub(super) const CLIENT_TASK_POLICY: Policy = &[
    &CachedResult,
    &EndedTaskIsRerun,
    &FlowMustRun,
    &KeepScheduledTime,
    &WaitForScheduledTime,
    &RetryFailed,
    &NameReruns,
    &ShortCacheKey,
];

/// What governs those among them that are executed in the background, by whoever takes them.
pub(super) const BACKGROUND_TASK_POLICY: Policy = &[
    &PendingOnce,
    &CachedResult,
    &EndedTaskIsRerun,
    &KeepScheduledTime,
    &WaitForScheduledTime,
    &RetryFailed,
    &NameReruns,
    &ShortCacheKey,
];

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
