//! The loop that applies a policy to a proposal, and the bookkeeping of a state that was entered.

use super::policy::Policy;
use super::rule::{Facts, Transition, Verdict};
use crate::model::{RetryPolicy, RunTimes, State, StateId, StateType, TaskRun, Text, Timestamp};

/// What the rules came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The run enters the proposed state, perhaps renamed.
    Accept(State),
    /// The run enters another state instead.
    Reject(State, Text),
    /// The run stays where it is; the proposal does not fit.
    Stay(Text),
    /// Ask again at this time.
    Wait(Timestamp),
    /// Whoever proposed this must stop.
    Abort(Text),
}

/// A run as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Governed<'a> {
    /// Where the run stands.
    pub state: Option<&'a State>,
    /// How often and when it ran.
    pub times: &'a RunTimes,
    /// How failures are treated.
    pub policy: &'a RetryPolicy,
    /// What `times.run_count` was when the present execution began.
    pub run_count_at_start: i32,
    /// Whether a process has the run in its hands.
    pub executed: bool,
    /// What is known of a run that clients orchestrate.
    pub facts: Facts<'a>,
}

/// Applies the rules to a proposal. `random` is from 0 to 1; `new_id` is asked only if a rule makes a state.
pub fn govern(
    policy: Policy,
    run: Governed<'_>,
    mut proposed: State,
    now: Timestamp,
    random: f64,
    new_id: impl FnOnce() -> StateId,
) -> Decision {
    let from = run.state.map(|state| state.kind);
    let mut new_id = Some(new_id);
    let mut rejected = None;
    for rule in policy {
        if !rule.from().contains(from) || !rule.to().contains(Some(proposed.kind)) {
            continue;
        }
        let verdict = rule.before(&Transition {
            from: run.state,
            to: &proposed,
            times: run.times,
            policy: run.policy,
            run_count_at_start: run.run_count_at_start,
            executed: run.executed,
            now,
            random,
            facts: run.facts,
        });
        match verdict {
            Verdict::Continue => {}
            Verdict::Rename(name) => proposed.name = name,
            Verdict::KeepSchedule(time) => proposed.details_mut().scheduled_time = Some(time),
            Verdict::Instead(mut state, reason) => {
                let Some(new_id) = new_id.take() else { continue };
                (state.id, state.timestamp) = (new_id(), now);
                return Decision::Reject(*state, reason);
            }
            Verdict::Stay(reason) => return Decision::Stay(reason),
            Verdict::Wait(until) => return Decision::Wait(until),
            Verdict::Abort(reason) => return Decision::Abort(reason),
            Verdict::Reject(replacement) => {
                // One replacement a transition: a second rule may rename it or stop it, but not start over.
                let Some(new_id) = new_id.take() else { continue };
                let mut state = State::new(replacement.kind, new_id(), now).named(Text::Borrowed(replacement.name));
                state.message = replacement.message.map(str::to_owned).or(proposed.message.take());
                state.data = proposed.data.take();
                if let Some(time) = replacement.scheduled_for {
                    state = state.scheduled_for(time);
                }
                proposed = state;
                rejected = Some(replacement.reason);
            }
        }
    }
    match rejected {
        None => Decision::Accept(proposed),
        Some(reason) => Decision::Reject(proposed, Text::Borrowed(reason)),
    }
}

impl TaskRun {
    /// Enters a state, with the books that go with it, and returns the one that it has left.
    pub fn enter(&mut self, state: State) -> State {
        self.times.enter(Some(&self.state), &state);
        std::mem::replace(&mut self.state, state)
    }
}

impl RunTimes {
    /// Keeps the books when a run goes from one state to another.
    pub fn enter(&mut self, from: Option<&State>, to: &State) {
        if let Some(from) = from.filter(|from| from.kind == StateType::Running) {
            let spent = (to.timestamp - from.timestamp).num_microseconds().unwrap_or(i64::MAX);
            self.total_run_time = self.total_run_time.saturating_add(spent.max(0));
        }
        match to.kind {
            StateType::Running => {
                // Going on behind a pause is no new attempt: the process has had the run all the while.
                if from.is_none_or(|from| from.kind != StateType::Paused) {
                    self.run_count += 1;
                }
                self.start_time.get_or_insert(to.timestamp);
                self.next_scheduled_start_time = None;
            }
            StateType::Scheduled => self.next_scheduled_start_time = to.scheduled_time(),
            _ => {}
        }
        let renamed = to.is_completed() && from.is_some_and(State::is_completed);
        // A completed run that its transaction commits or undoes has ended when it completed.
        if !renamed {
            self.end_time = to.is_terminal().then_some(to.timestamp);
        }
    }
}
