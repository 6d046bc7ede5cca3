//! Arguments of calls: values, or runs whose results will be the values.

use std::sync::Arc;

use super::error::RunError;
use super::future::{AllowFailure, AllowFailures, Outcome, TaskFuture, TaskFutures};
use super::settled::Promise;

/// An argument of a task or flow: a value, or the future of a run whose result will be the value.
///
/// Calls take `impl Into<Input<T>>`, so a `T`, a [`TaskFuture<T>`] and, where a `Vec<T>` is wanted, a list of futures
/// can be given as they are.
pub struct Input<T>(pub(crate) Source<T>);

pub(crate) enum Source<T> {
    Value(T),
    Upstream(Upstream<T>),
}

/// Runs to wait for, and how to make the argument from their results.
pub(crate) struct Upstream<T> {
    pub(crate) runs: Vec<Promise>,
    /// Whether the argument can be made even if runs have failed.
    pub(crate) tolerant: bool,
    pub(crate) extract: Arc<Extract<T>>,
}

type Extract<T> = dyn Fn(&[Promise]) -> Result<T, RunError> + Send + Sync;

impl<T> Input<T> {
    fn upstream(
        runs: Vec<Promise>,
        tolerant: bool,
        extract: impl Fn(&[Promise]) -> Result<T, RunError> + Send + Sync + 'static,
    ) -> Self {
        Input(Source::Upstream(Upstream { runs, tolerant, extract: Arc::new(extract) }))
    }

    /// Lists the runs that the argument comes from.
    pub(crate) fn runs(&self) -> &[Promise] {
        match &self.0 {
            Source::Value(_) => &[],
            Source::Upstream(upstream) => &upstream.runs,
        }
    }

    pub(crate) fn is_tolerant(&self) -> bool {
        matches!(&self.0, Source::Upstream(upstream) if upstream.tolerant)
    }

    /// Looks at the argument if it is a value.
    pub(crate) fn value(&self) -> Option<&T> {
        match &self.0 {
            Source::Value(value) => Some(value),
            Source::Upstream(_) => None,
        }
    }

    /// Makes the argument; all of its runs have settled.
    pub(crate) fn into_value(self) -> Result<T, RunError> {
        match self.0 {
            Source::Value(value) => Ok(value),
            Source::Upstream(upstream) => (upstream.extract)(&upstream.runs),
        }
    }
}

impl<T: Clone> Clone for Input<T> {
    fn clone(&self) -> Self {
        Input(match &self.0 {
            Source::Value(value) => Source::Value(value.clone()),
            Source::Upstream(upstream) => Source::Upstream(Upstream {
                runs: upstream.runs.clone(),
                tolerant: upstream.tolerant,
                extract: upstream.extract.clone(),
            }),
        })
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Input(Source::Value(value))
    }
}

impl<T: Clone + Send + Sync + 'static> From<TaskFuture<T>> for Input<T> {
    fn from(future: TaskFuture<T>) -> Self {
        Input::upstream(vec![future.promise().clone()], false, move |_| future.take())
    }
}

impl<T: Clone + Send + Sync + 'static> From<&TaskFuture<T>> for Input<T> {
    fn from(future: &TaskFuture<T>) -> Self {
        future.clone().into()
    }
}

impl<T: Clone + Send + Sync + 'static> From<AllowFailure<T>> for Input<Outcome<T>> {
    fn from(allowed: AllowFailure<T>) -> Self {
        Input::upstream(vec![allowed.0.promise().clone()], true, move |_| Ok(allowed.0.settled_outcome()))
    }
}

impl<T: Clone + Send + Sync + 'static> From<Vec<TaskFuture<T>>> for Input<Vec<T>> {
    fn from(futures: Vec<TaskFuture<T>>) -> Self {
        let runs = futures.iter().map(|future| future.promise().clone()).collect();
        Input::upstream(runs, false, move |_| futures.iter().map(TaskFuture::take).collect())
    }
}

impl<T: Clone + Send + Sync + 'static> From<TaskFutures<T>> for Input<Vec<T>> {
    fn from(futures: TaskFutures<T>) -> Self {
        futures.into_vec().into()
    }
}

impl<T: Clone + Send + Sync + 'static> From<&TaskFutures<T>> for Input<Vec<T>> {
    fn from(futures: &TaskFutures<T>) -> Self {
        futures.iter().cloned().collect::<Vec<_>>().into()
    }
}

impl<T: Clone + Send + Sync + 'static> From<AllowFailures<T>> for Input<Vec<Outcome<T>>> {
    fn from(allowed: AllowFailures<T>) -> Self {
        let runs = allowed.0.iter().map(|future| future.promise().clone()).collect();
        Input::upstream(runs, true, move |_| Ok(allowed.0.iter().map(TaskFuture::settled_outcome).collect()))
    }
}

impl From<&str> for Input<String> {
    fn from(text: &str) -> Self {
        Input(Source::Value(text.to_owned()))
    }
}

impl From<&std::path::Path> for Input<std::path::PathBuf> {
    fn from(path: &std::path::Path) -> Self {
        Input(Source::Value(path.to_owned()))
    }
}

impl From<&str> for Input<std::path::PathBuf> {
    fn from(path: &str) -> Self {
        Input(Source::Value(path.into()))
    }
}

/// An argument of a mapped call: one value for each call, or one for all.
pub struct MapInput<T>(pub(crate) MapSource<T>);

pub(crate) enum MapSource<T> {
    Each(Box<dyn Iterator<Item = Input<T>> + Send>),
    All(Input<T>),
}

/// Gives each mapped call its own value, taken from the iterator when its turn comes.
pub fn each<T, I>(values: I) -> MapInput<T>
where
    T: 'static,
    I: IntoIterator,
    I::Item: Into<Input<T>> + 'static,
    I::IntoIter: Send + 'static,
{
    MapInput(MapSource::Each(Box::new(values.into_iter().map(Into::into))))
}

/// Gives all mapped calls the same value.
pub fn unmapped<T>(value: impl Into<Input<T>>) -> MapInput<T> {
    MapInput(MapSource::All(value.into()))
}

impl<T: Send + 'static> From<Vec<T>> for MapInput<T> {
    fn from(values: Vec<T>) -> Self {
        each(values)
    }
}

impl<T: Send + 'static, const N: usize> From<[T; N]> for MapInput<T> {
    fn from(values: [T; N]) -> Self {
        each(values)
    }
}

impl<T: Clone + Send + Sync + 'static> From<Vec<TaskFuture<T>>> for MapInput<T> {
    fn from(futures: Vec<TaskFuture<T>>) -> Self {
        each(futures)
    }
}

impl<T: Clone + Send + Sync + 'static> From<TaskFutures<T>> for MapInput<T> {
    fn from(futures: TaskFutures<T>) -> Self {
        each(futures.into_vec())
    }
}

impl<T: Clone + Send + Sync + 'static> From<&TaskFutures<T>> for MapInput<T> {
    fn from(futures: &TaskFutures<T>) -> Self {
        each(futures.iter().cloned().collect::<Vec<_>>())
    }
}
