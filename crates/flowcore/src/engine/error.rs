//! The two errors of user code: [`Error`], which a task or flow returns, and [`RunError`], which awaiting its run gives.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::model::{State, StateData, StateName, StateType};

/// Any error of a standard kind, as `?` and other libraries' error types convert into.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What functions of a flow's author usually return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of user code: built from any error by `?`, keeping the chain of causes.
///
/// A task or flow may return any error type that converts into a boxed standard error; this one adds a word on
/// whether trying again can help. Like other erased errors it does not implement [`std::error::Error`] itself.
pub struct Error {
    source: BoxError,
    retriable: bool,
}

impl Error {
    /// Makes an error from a text.
    pub fn msg(message: impl fmt::Display) -> Self {
        Error { source: message.to_string().into(), retriable: true }
    }

    /// Says whether trying again can help. With `false` the retries that are left are not used.
    #[must_use]
    pub fn retriable(mut self, retriable: bool) -> Self {
        self.retriable = retriable;
        self
    }

    /// Tells whether trying again can help.
    pub fn is_retriable(&self) -> bool {
        self.retriable
    }

    /// Gives the error itself, for looking at its type.
    pub fn inner(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    /// Lists the error and its causes as texts, outermost first.
    pub fn chain(&self) -> Vec<String> {
        chain_of(&*self.source)
    }

    /// Takes back an error that was converted into a boxed one, or wraps a foreign one.
    pub(crate) fn from_boxed(source: BoxError) -> Self {
        match source.downcast::<Boxed>() {
            Ok(boxed) => boxed.0,
            Err(source) => Error { source, retriable: true },
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Error { source: Box::new(error), retriable: true }
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        Box::new(Boxed(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, &*self.source)
    }
}

/// Lets an [`Error`] travel as a standard error without losing what it knows.
struct Boxed(Error);

impl StdError for Boxed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.source()
    }
}

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Lists an error and its causes as texts.
fn chain_of(error: &dyn StdError) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    chain
}

/// Writes an error and its causes, one a line, as a program that ends with it shows it.
fn write_chain(f: &mut fmt::Formatter<'_>, error: &dyn StdError) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    if cause.is_some() {
        f.write_str("\n\nCaused by:")?;
    }
    while let Some(error) = cause {
        write!(f, "\n    {error}")?;
        cause = error.source();
    }
    Ok(())
}

/// Why a run gave no result. Cheap to clone: everything that waits for a run gets the same one.
#[derive(Clone)]
pub struct RunError(Arc<Inner>);

struct Inner {
    run: String,
    state: Option<State>,
    reason: Cow<'static, str>,
    source: Option<Source>,
}

enum Source {
    Live(Error),
    Recorded(Link),
}

impl RunError {
    /// Tells of a run that ended in this state; `source` is the user's error if it is still at hand.
    pub(crate) fn of_state(run: impl Into<String>, state: State, source: Option<Error>) -> Self {
        let reason = match (state.kind, &*state.name) {
            _ if state.is_suspended() => "was suspended",
            (_, StateName::TIMED_OUT) => "timed out",
            (_, StateName::NOT_READY) => "could not start",
            (_, StateName::ROLLED_BACK) => "was rolled back",
            (StateType::Failed, _) => "failed",
            (StateType::Cancelled, _) => "was cancelled",
            (StateType::Crashed, _) => "crashed",
            _ => "has not completed",
        };
        let source = match source {
            Some(error) => Some(Source::Live(error)),
            None => match state.data.as_deref() {
                Some(StateData::Failure { chain, .. }) => Link::of(chain).map(Source::Recorded),
                _ => state.message.clone().and_then(|message| Link::of(&[message])).map(Source::Recorded),
            },
        };
        RunError(Arc::new(Inner { run: run.into(), state: Some(state), reason: Cow::Borrowed(reason), source }))
    }

    /// Tells of a run that could not be made or kept: the store or the settings failed, not user code.
    pub(crate) fn infrastructure(run: impl Into<String>, error: impl Into<Error>) -> Self {
        let source = Some(Source::Live(error.into()));
        RunError(Arc::new(Inner {
            run: run.into(),
            state: None,
            reason: Cow::Borrowed("could not be orchestrated"),
            source,
        }))
    }

    /// Gives the state in which the run ended, or none when it could not be orchestrated at all.
    pub fn state(&self) -> Option<&State> {
        self.0.state.as_ref()
    }

    /// Tells whether the run was suspended: it has not ended, and goes on when somebody resumes it.
    pub fn is_suspended(&self) -> bool {
        self.state().is_some_and(State::is_suspended)
    }

    /// Tells the flow run's id, where the state names it.
    pub(crate) fn flow_run_id(&self) -> Option<crate::model::FlowRunId> {
        self.state()?.details.as_ref()?.flow_run_id
    }

    /// Gives the run's name.
    pub fn run_name(&self) -> &str {
        &self.0.run
    }

    /// Gives the error that the user's function returned, if it was returned in this process.
    pub fn user_error(&self) -> Option<&Error> {
        match &self.0.source {
            Some(Source::Live(error)) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.run, self.0.reason)
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.source.as_ref()? {
            Source::Live(error) => Some(&*error.source),
            Source::Recorded(link) => Some(link),
        }
    }
}

/// One text of a recorded chain of errors.
#[derive(Debug)]
struct Link {
    text: String,
    next: Option<Box<Link>>,
}

impl Link {
    fn of(chain: &[String]) -> Option<Link> {
        let (text, rest) = chain.split_first()?;
        Some(Link { text: text.clone(), next: Link::of(rest).map(Box::new) })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Link {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next.as_deref().map(|link| link as &(dyn StdError + 'static))
    }
}
