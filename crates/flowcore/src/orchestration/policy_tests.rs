//! The whole transition matrix, as a snapshot: what each policy says to every pair of states.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use super::*;
use crate::model::{RetryPolicy, RunTimes, State, StateId, StateName, StateType, Timestamp};
use crate::orchestration::{Decision, Facts, Governed, govern};

fn state(kind: StateType) -> State {
    State::new(kind, StateId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH)
}

fn decide(policy: Policy, from: Option<StateType>, to: StateType, retries: u32) -> Decision {
    decide_states(policy, from.map(state), state(to), retries)
}

fn decide_states(policy: Policy, from: Option<State>, to: State, retries: u32) -> Decision {
    let mut times = RunTimes::new(Timestamp::UNIX_EPOCH);
    if from.as_ref().is_some_and(|from| from.kind == StateType::Running) {
        times.run_count = 1;
    }
    let run = Governed {
        state: from.as_ref(),
        times: &times,
        policy: &RetryPolicy { retries: Some(retries), ..RetryPolicy::default() },
        run_count_at_start: 0,
        executed: true,
        facts: Facts::default(),
    };
    govern(policy, run, to, Timestamp::UNIX_EPOCH, 0.5, || StateId(uuid::Uuid::nil()))
}

fn matrix(policy: Policy) -> String {
    let mut text = format!("{:<14}", "from \\ to");
    for to in StateType::ALL {
        write!(text, "{:<14}", to.as_str()).unwrap();
    }
    for from in std::iter::once(None).chain(StateType::ALL.map(Some)) {
        write!(text, "\n{:<14}", from.map_or("-", StateType::as_str)).unwrap();
        for to in StateType::ALL {
            write!(text, "{:<14}", cell(&decide(policy, from, to, 1), to.default_name())).unwrap();
        }
    }
    // What a transaction makes of a completed run.
    write!(text, "\n\n{:<14}{:<14}{:<14}{:<14}", "done \\ to", "Completed", "committed", "RolledBack").unwrap();
    for from in completed() {
        write!(text, "\n{:<14}", if from.is_transaction_committed() { "committed" } else { &from.name }).unwrap();
        for to in completed() {
            let name = to.name.clone();
            write!(text, "{:<14}", cell(&decide_states(policy, Some(from.clone()), to, 1), &name)).unwrap();
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The three ways of being completed.
fn completed() -> [State; 3] {
    let mut committed = state(StateType::Completed);
    committed.details_mut().transaction_committed = Some(true);
    [state(StateType::Completed), committed, state(StateType::Completed).named(StateName::ROLLED_BACK)]
}

fn cell(decision: &Decision, proposed: &str) -> String {
    let cell = match decision {
        Decision::Accept(state) if state.name == proposed => "yes",
        Decision::Accept(state) | Decision::Reject(state, _) => &state.name,
        Decision::Stay(_) => "stay",
        Decision::Wait(_) => "wait",
        Decision::Abort(_) => "abort",
    };
    cell.chars().take(13).collect()
}

#[test]
fn the_flow_run_matrix_is_as_agreed() {
    assert_eq!(matrix(FLOW_POLICY), include_str!("flow_matrix.txt").trim_end());
}

#[test]
fn the_task_run_matrix_is_as_agreed() {
    assert_eq!(matrix(TASK_POLICY), include_str!("task_matrix.txt").trim_end());
}

#[test]
fn a_failed_run_is_tried_again_while_it_has_retries() {
    let running = Some(StateType::Running);
    let Decision::Reject(state, _) = decide(TASK_POLICY, running, StateType::Failed, 1) else { panic!("not rejected") };
    assert_eq!((state.kind, &*state.name), (StateType::Scheduled, "AwaitingRetry"));
    assert!(matches!(decide(TASK_POLICY, running, StateType::Failed, 0), Decision::Accept(_)));
}

#[test]
fn an_error_that_cannot_be_retried_is_final() {
    let from = state(StateType::Running);
    let mut times = RunTimes::new(Timestamp::UNIX_EPOCH);
    times.run_count = 1;
    let policy = RetryPolicy { retries: Some(5), ..RetryPolicy::default() };
    let run = Governed {
        state: Some(&from),
        times: &times,
        policy: &policy,
        run_count_at_start: 0,
        executed: true,
        facts: Facts::default(),
    };
    let mut to = state(StateType::Failed);
    to.details_mut().retriable = Some(false);
    let decision = govern(TASK_POLICY, run, to, Timestamp::UNIX_EPOCH, 0.5, || StateId(uuid::Uuid::nil()));
    assert!(matches!(decision, Decision::Accept(state) if state.kind == StateType::Failed));
}

#[test]
fn a_run_waits_for_its_time() {
    let due = Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(5);
    let from = state(StateType::Scheduled).scheduled_for(due);
    let times = RunTimes::new(due);
    let policy = RetryPolicy::default();
    let run = Governed {
        state: Some(&from),
        times: &times,
        policy: &policy,
        run_count_at_start: 0,
        executed: true,
        facts: Facts::default(),
    };
    let at = |now| govern(FLOW_POLICY, run, state(StateType::Running), now, 0.5, || StateId(uuid::Uuid::nil()));
    assert_eq!(at(Timestamp::UNIX_EPOCH), Decision::Wait(due));
    assert!(matches!(at(due), Decision::Accept(_)));
    let pending = govern(FLOW_POLICY, run, state(StateType::Pending), due, 0.5, || StateId(uuid::Uuid::nil()));
    let Decision::Accept(pending) = pending else { panic!("not accepted") };
    assert_eq!(pending.scheduled_time(), Some(due));
}

#[test]
fn the_books_are_kept() {
    let at = |seconds| Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
    let enter = |kind, seconds| State::new(kind, StateId(uuid::Uuid::nil()), at(seconds));
    let mut times = RunTimes::new(at(0));
    let states = [
        enter(StateType::Pending, 1),
        enter(StateType::Running, 2),
        enter(StateType::Scheduled, 5).scheduled_for(at(9)),
        enter(StateType::Running, 10),
        enter(StateType::Completed, 12),
    ];
    let mut last: Option<&State> = None;
    for next in &states {
        times.enter(last, next);
        last = Some(next);
        assert_eq!(times.next_scheduled_start_time.is_some(), next.kind == StateType::Scheduled);
        assert_eq!(times.end_time.is_some(), next.is_terminal());
    }
    assert_eq!((times.run_count, times.total_run_time), (2, 5_000_000));
    assert_eq!((times.start_time, times.end_time), (Some(at(2)), Some(at(12))));
    // Being rolled back later is no later end.
    times.enter(last, &enter(StateType::Completed, 20).named(StateName::ROLLED_BACK));
    assert_eq!((times.end_time, times.total_run_time), (Some(at(12)), 5_000_000));
}

#[test]
fn what_no_process_has_is_cancelled_at_once() {
    let times = RunTimes::new(Timestamp::UNIX_EPOCH);
    let policy = RetryPolicy::default();
    for (from, executed, expected) in [
        (StateType::Scheduled, false, StateType::Cancelled),
        (StateType::Pending, false, StateType::Cancelled),
        (StateType::Paused, false, StateType::Cancelled),
        (StateType::Scheduled, true, StateType::Cancelling),
        (StateType::Paused, true, StateType::Cancelling),
        (StateType::Running, true, StateType::Cancelling),
    ] {
        let from = state(from);
        let run = Governed {
            state: Some(&from),
            times: &times,
            policy: &policy,
            run_count_at_start: 0,
            executed,
            facts: Facts::default(),
        };
        let asked = state(StateType::Cancelling).message("asked");
        let decision = govern(FLOW_POLICY, run, asked, Timestamp::UNIX_EPOCH, 0.5, || StateId(uuid::Uuid::nil()));
        let (Decision::Accept(state) | Decision::Reject(state, _)) = decision else { panic!("{decision:?}") };
        assert_eq!((state.kind, state.message.as_deref()), (expected, Some("asked")), "{from:?}");
    }
}

#[test]
fn a_suspended_run_is_scheduled_before_its_time_limit_and_nothing_else() {
    let at = |seconds| Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
    let mut from = state(StateType::Paused);
    from.details_mut().pause_reschedule = true;
    from.details_mut().pause_timeout = Some(at(5));
    let times = RunTimes::new(at(0));
    let policy = RetryPolicy { retries: Some(3), ..RetryPolicy::default() };
    let run = Governed {
        state: Some(&from),
        times: &times,
        policy: &policy,
        run_count_at_start: 0,
        executed: false,
        facts: Facts::default(),
    };
    let to = |kind, now| govern(FLOW_POLICY, run, state(kind), at(now), 0.5, || StateId(uuid::Uuid::nil()));
    assert!(matches!(to(StateType::Scheduled, 5), Decision::Accept(_)));
    let Decision::Reject(failed, _) = to(StateType::Scheduled, 6) else { panic!("it is too late") };
    assert_eq!(failed.kind, StateType::Failed);
    assert!(failed.message.is_some_and(|message| message.contains("not resumed before its time limit")));
    for kind in [StateType::Running, StateType::Pending, StateType::Paused] {
        assert!(matches!(to(kind, 1), Decision::Stay(_)), "{kind}");
    }
}

#[test]
fn a_paused_run_whose_process_has_died_is_suspended() {
    let from = state(StateType::Paused);
    let times = RunTimes::new(Timestamp::UNIX_EPOCH);
    let policy = RetryPolicy::default();
    let run = Governed {
        state: Some(&from),
        times: &times,
        policy: &policy,
        run_count_at_start: 0,
        executed: true,
        facts: Facts::default(),
    };
    let mut suspended = state(StateType::Paused);
    suspended.details_mut().pause_reschedule = true;
    let decision = govern(FLOW_POLICY, run, suspended, Timestamp::UNIX_EPOCH, 0.5, || StateId(uuid::Uuid::nil()));
    assert!(matches!(decision, Decision::Accept(_)), "{decision:?}");
}

#[test]
fn a_pause_is_no_new_attempt() {
    let at = |kind, seconds| {
        State::new(kind, StateId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds))
    };
    let mut times = RunTimes::new(Timestamp::UNIX_EPOCH);
    let states =
        [at(StateType::Running, 1), at(StateType::Paused, 3), at(StateType::Running, 10), at(StateType::Completed, 11)];
    let mut last: Option<&State> = None;
    for next in &states {
        times.enter(last, next);
        last = Some(next);
    }
    assert_eq!((times.run_count, times.total_run_time), (1, 3_000_000));
}
