//! The rules, one a file.

mod cancelling_ends_cancelled;
mod completed_ends_with_transaction;
mod completed_stays;
mod ended_stays_ended;
mod keep_scheduled_time;
mod no_pending_after_start;
mod nobody_to_cancel;
mod only_running_pauses;
mod only_scheduled_is_late;
mod paused_is_resumed;
mod rename_reruns;
mod retry_failed;
mod running_is_taken;
mod wait_for_scheduled_time;

pub(super) use cancelling_ends_cancelled::CancellingEndsCancelled;
pub(super) use completed_ends_with_transaction::CompletedEndsWithTransaction;
pub(super) use completed_stays::CompletedStays;
pub(super) use ended_stays_ended::EndedStaysEnded;
pub(super) use keep_scheduled_time::KeepScheduledTime;
pub(super) use no_pending_after_start::NoPendingAfterStart;
pub(super) use nobody_to_cancel::NobodyToCancel;
pub(super) use only_running_pauses::OnlyRunningPauses;
pub(super) use only_scheduled_is_late::OnlyScheduledIsLate;
pub(super) use paused_is_resumed::PausedIsResumed;
pub(super) use rename_reruns::RenameReruns;
pub(super) use retry_failed::RetryFailed;
pub(super) use running_is_taken::RunningIsTaken;
pub(super) use wait_for_scheduled_time::WaitForScheduledTime;
