//! One attempt of a body: it runs once, its panics are caught, and it ends at its timeout or when it is asked to end.

use std::pin::Pin;
use std::time::Duration;

use super::cancel::Cancel;
use super::codec::Value;
use super::error::Error;
use super::options::CommonOptions;
use super::panics::Panicked;
use crate::clock::Clock;
use crate::model::{State, StateData, StateName};

/// How one attempt of a body ended.
pub(crate) enum Attempt {
    Value(Value),
    Failed(Fault),
    Cancelled,
}

/// Why an attempt failed.
pub(crate) enum Fault {
    Error(Error),
    Panic(Panicked),
    TimedOut(Duration),
}

/// What a body comes to when it is left alone.
pub(crate) type Ran = Result<Result<Value, Error>, Panicked>;

impl Attempt {
    /// Runs a body to its end, its timeout, or until it is asked to end.
    pub(crate) async fn of(
        body: Pin<&mut impl Future<Output = Ran>>,
        timeout: Option<Duration>,
        cancel: &Cancel,
        clock: &dyn Clock,
    ) -> Self {
        let result = tokio::select! {
            biased;
            result = body => result,
            () = cancel.requested() => return Attempt::Cancelled,
            limit = expired(timeout, clock) => return Attempt::Failed(Fault::TimedOut(limit)),
        };
        match result {
            Ok(Ok(value)) => Attempt::Value(value),
            Ok(Err(error)) => match error.inner().downcast_ref::<Panicked>() {
                Some(panicked) => Attempt::Failed(Fault::Panic(panicked.clone())),
                // What it waited for was asked to end with it, and told it first.
                None if cancel.is_requested() => Attempt::Cancelled,
                None => Attempt::Failed(Fault::Error(error)),
            },
            Err(panicked) => Attempt::Failed(Fault::Panic(panicked)),
        }
    }
}

/// Waits for a future, or until it is asked to end.
pub(crate) async fn until_either(future: impl Future<Output = ()>, cancel: &Cancel) {
    tokio::select! {
        () = future => {}
        () = cancel.requested() => {}
    }
}

/// Waits until a timeout is over; for ever without one.
pub(crate) async fn expired(timeout: Option<Duration>, clock: &dyn Clock) -> Duration {
    match timeout {
        Some(limit) => {
            clock.sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

impl Fault {
    /// Describes the fault of `what` ("The task") in a Failed state, and gives the error that user code can look at.
    pub(crate) fn describe(self, what: &str, failed: State, options: &CommonOptions) -> (State, Option<Error>) {
        match self {
            Fault::TimedOut(limit) => {
                (failed.named(StateName::TIMED_OUT).message(format!("{what} took longer than {limit:?}.")), None)
            }
            Fault::Panic(panicked) => (describe_panic(what, failed, &panicked), Some(Error::from(panicked))),
            Fault::Error(error) => {
                let chain = error.chain();
                let mut state = failed.message(format!("{what} failed: {}", chain.join(": ")));
                state = state.data(StateData::Failure { chain, location: None });
                if !options.is_retriable(&error) {
                    state.details_mut().retriable = Some(false);
                }
                (state, Some(error))
            }
        }
    }
}

/// Describes a panic of `what` ("The task") in a Failed state.
pub(crate) fn describe_panic(what: &str, failed: State, panicked: &Panicked) -> State {
    let failure = StateData::Failure { chain: vec![panicked.to_string()], location: panicked.location.clone() };
    failed.message(panicked.say(what)).data(failure)
}
