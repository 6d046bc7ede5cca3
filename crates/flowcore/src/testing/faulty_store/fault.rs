//! What may go wrong with calls of a store.

use std::time::Duration;

use super::delegates::known_calls;
use crate::engine::retry::Seconds;
use crate::store::StoreError;
use crate::testing::occasion::Occasion;

/// A call of a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The method's name.
    pub(super) method: &'static str,
    pub(super) access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Something that happens to calls of a [`FaultyStore`](super::FaultyStore). Unless more is said, the calls fail before they
/// have done anything, and every one of them does.
#[derive(Clone, Debug)]
#[must_use = "it has to be given to `FaultyStore::inject`"]
pub struct StoreFault {
    which: Which,
    pub(super) occasion: Occasion,
    pub(super) effect: Effect,
    pub(super) lasting: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Which {
    Calls,
    Writes,
    Methods(Vec<String>),
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// It fails, and nothing was done.
    Fails(StoreError),
    /// It is done, and whoever asked is told that it failed.
    AnswerLost,
    /// It is done, and whoever asked is told so later.
    Slow(Duration),
}

impl StoreFault {
    fn new(which: Which) -> Self {
        let error = StoreError::Other("the test told it to fail".into());
        StoreFault { which, occasion: Occasion::Every, effect: Effect::Fails(error), lasting: None }
    }

    /// Means all calls.
    pub fn calls() -> Self {
        Self::new(Which::Calls)
    }

    /// Means the calls that change something.
    pub fn writes() -> Self {
        Self::new(Which::Writes)
    }

    /// Means the calls of these methods of [`Store`](crate::store::Store) and the traits that belong to it, such as
    /// `record_task_runs`, by which the states of task runs are written.
    ///
    /// # Panics
    ///
    /// There is no such method.
    #[track_caller]
    pub fn of<const N: usize>(methods: [&str; N]) -> Self {
        for method in methods {
            let is_known = known_calls().any(|call| call.method == method);
            assert!(is_known, "a store has no method `{method}`; see the traits in `flowcore::store`");
        }
        Self::new(Which::Methods(methods.map(str::to_owned).into()))
    }

    /// Happens once: to the n-th such call from now on, the first being 1.
    pub fn nth(mut self, nth: u32) -> Self {
        self.occasion = Occasion::Nth(nth);
        self
    }

    /// Happens to so many such calls from now on, and then no more.
    pub fn first(mut self, count: u32) -> Self {
        self.occasion = Occasion::First(count);
        self
    }

    /// Happens for so many seconds from now on, of virtual time if the runtime has such.
    pub fn lasting(mut self, seconds: impl Into<Seconds>) -> Self {
        self.lasting = Some(seconds.into().duration());
        self
    }

    /// Lets the calls fail with this error.
    pub fn with(mut self, error: StoreError) -> Self {
        self.effect = Effect::Fails(error);
        self
    }

    /// Lets the calls be done, and whoever asked be told that they failed: as when the connection is lost behind the commit.
    pub fn answer_lost(mut self) -> Self {
        self.effect = Effect::AnswerLost;
        self
    }

    /// Lets the calls be done, and whoever asked be told so as many seconds later.
    pub fn slow(mut self, seconds: impl Into<Seconds>) -> Self {
        self.effect = Effect::Slow(seconds.into().duration());
        self
    }

    pub(super) fn means(&self, call: Call) -> bool {
        match &self.which {
            Which::Calls => true,
            Which::Writes => call.access == Access::Write,
            Which::Methods(methods) => methods.iter().any(|method| method == call.method),
        }
    }
}
