//! What a rule sees and what it can say.

use crate::model::{FlowRun, RetryPolicy, RunTimes, State, StateType, TaskRun, Text, Timestamp};

/// A set of state types, and of "no state yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u16);

impl StateSet {
    /// Every type, and no state yet.
    pub const ANY: StateSet = StateSet(0x3ff);
    /// The types in which a run has ended.
    pub const TERMINAL: StateSet =
        StateSet::of(&[StateType::Completed, StateType::Failed, StateType::Cancelled, StateType::Crashed]);

    const NONE_YET: u16 = 1 << 9;

    /// Makes a set of these types.
    pub const fn of(kinds: &[StateType]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u16;
            at += 1;
        }
        StateSet(bits)
    }

    /// Makes the set of everything that is not in this one.
    pub const fn not(self) -> Self {
        StateSet(!self.0 & StateSet::ANY.0)
    }

    /// Tells whether the type of this state, or its absence, is in the set.
    pub fn contains(self, kind: Option<StateType>) -> bool {
        let bit = kind.map_or(Self::NONE_YET, |kind| 1 << kind as u16);
        self.0 & bit != 0
    }
}

/// A proposal: a run is to go from one state to another.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// Where the run stands, or none before its first state.
    pub from: Option<&'a State>,
    /// Where it is to go, as far as the rules before this one have left it.
    pub to: &'a State,
    /// How often and when it ran so far.
    pub times: &'a RunTimes,
    /// How often and when it may be tried again.
    pub policy: &'a RetryPolicy,
    /// What `times.run_count` was when the present execution began.
    pub run_count_at_start: i32,
    /// Whether a process has the run in its hands.
    pub executed: bool,
    /// The time.
    pub now: Timestamp,
    /// A number from 0 to 1, for jitter.
    pub random: f64,
    /// What is known of a run that clients orchestrate.
    pub facts: Facts<'a>,
}

/// What only the rules for runs that clients orchestrate look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The flow run.
    pub flow_run: Option<&'a FlowRun>,
    /// The task run; then the flow run is the one that it belongs to, if it belongs to one that is there.
    pub task_run: Option<&'a TaskRun>,
    /// The completed state that is cached under the key of the proposed one.
    pub cached: Option<&'a State>,
}

/// What a rule says of a transition.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing against it.
    Continue,
    /// Fine, under another name.
    Rename(Text),
    /// Fine, but not before the time that the run was scheduled for, which its new state is to remember.
    KeepSchedule(Timestamp),
    /// Another state instead.
    Reject(Replacement),
    /// This state instead, with an id of its own, and why. No other rule judges it.
    Instead(Box<State>, Text),
    /// The run stays where it is.
    Stay(Text),
    /// Ask again at this time.
    Wait(Timestamp),
    /// Whoever proposed this must stop: it has lost the run.
    Abort(Text),
}

impl Verdict {
    /// Leaves the run where it is, for this reason.
    pub fn stay(why: impl Into<Text>) -> Self {
        Verdict::Stay(why.into())
    }

    /// Makes whoever proposed this stop, for this reason.
    pub fn abort(why: impl Into<Text>) -> Self {
        Verdict::Abort(why.into())
    }
}

/// The state that a rule wants instead of the proposed one.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// Its type.
    pub kind: StateType,
    /// Its name.
    pub name: &'static str,
    /// The sentence that the state carries; none to keep that of the proposed one.
    pub message: Option<&'static str>,
    /// When a SCHEDULED run is to start.
    pub scheduled_for: Option<Timestamp>,
    /// Why, in a sentence.
    pub reason: &'static str,
}

/// One rule of orchestration.
pub trait Rule: Sync {
    /// Tells the rule's name, which says what it prevents or does.
    fn name(&self) -> &'static str;

    /// Tells from which states the rule applies.
    fn from(&self) -> StateSet {
        StateSet::ANY
    }

    /// Tells to which states the rule applies.
    fn to(&self) -> StateSet {
        StateSet::ANY
    }

    /// Judges a transition; called only if `from` and `to` fit.
    fn before(&self, transition: &Transition<'_>) -> Verdict;
}
