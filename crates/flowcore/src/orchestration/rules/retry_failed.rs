//! A failed run is tried again while it has retries left.

use crate::model::{RetryPolicy, StateName, StateType, Timestamp};
use crate::orchestration::rule::{Replacement, Rule, StateSet, Transition, Verdict};

/// Replaces FAILED by AwaitingRetry while retries are left and the error allows it.
pub(crate) struct RetryFailed;

impl Rule for RetryFailed {
    fn name(&self) -> &'static str {
        "RetryFailed"
    }

    fn from(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Failed])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let attempts = u32::try_from(transition.times.run_count - transition.run_count_at_start).unwrap_or(1);
        let retriable = transition.to.details.as_ref().and_then(|details| details.retriable);
        if attempts > transition.policy.max_retries() || retriable == Some(false) {
            return Verdict::Continue;
        }
        Verdict::Reject(Replacement {
            kind: StateType::Scheduled,
            name: StateName::AWAITING_RETRY,
            message: None,
            scheduled_for: Some(retry_at(transition.policy, attempts, transition.now, transition.random)),
            reason: "Retrying",
        })
    }
}

/// Computes when the retry after this many attempts is due.
pub(crate) fn retry_at(policy: &RetryPolicy, attempts: u32, now: Timestamp, random: f64) -> Timestamp {
    let nth = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    let delay = policy.retry_delay.get(nth).or(policy.retry_delay.last()).copied().unwrap_or_default();
    let jittered = delay * (1.0 + policy.retry_jitter.unwrap_or_default().max(0.0) * random);
    // What is no time, or longer than a calendar holds, counts as the longest that it holds.
    let micros = if jittered.is_finite() { (jittered * 1e6).clamp(0.0, 9e15) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "clamped to far less than an i64 holds")]
    let wait = chrono::TimeDelta::microseconds(micros as i64);
    now.checked_add_signed(wait).unwrap_or(Timestamp::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(policy: &RetryPolicy, attempts: u32, random: f64) -> f64 {
        let now = Timestamp::UNIX_EPOCH;
        let wait = retry_at(policy, attempts, now, random) - now;
        wait.as_seconds_f64()
    }

    #[test]
    fn the_last_delay_is_repeated() {
        let policy = RetryPolicy { retries: Some(9), retry_delay: vec![1.0, 10.0], retry_jitter: None };
        assert_eq!([1, 2, 3, 9].map(|attempts| seconds(&policy, attempts, 0.5)), [1.0, 10.0, 10.0, 10.0]);
        let none = RetryPolicy { retries: Some(1), ..RetryPolicy::default() };
        assert_eq!(seconds(&none, 1, 0.5), 0.0);
    }

    #[test]
    fn jitter_only_makes_longer() {
        let policy = RetryPolicy { retries: Some(1), retry_delay: vec![10.0], retry_jitter: Some(0.5) };
        assert_eq!([0.0, 0.5, 1.0].map(|random| seconds(&policy, 1, random)), [10.0, 12.5, 15.0]);
    }

    #[test]
    fn absurd_delays_do_not_overflow() {
        for delay in [f64::INFINITY, f64::NAN, -5.0, 1e300] {
            let policy = RetryPolicy { retries: Some(1), retry_delay: vec![delay], retry_jitter: Some(f64::MAX) };
            assert!(retry_at(&policy, 1, Timestamp::UNIX_EPOCH, 1.0) >= Timestamp::UNIX_EPOCH);
        }
    }
}
