//! What a task that yields has to yield to.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::bounds::Volatile;
use super::cancel::Cancel;
use super::context::Scope;
use super::error::Error;

/// Takes the values that a task yields, one after the other: the parameter of a task that is marked with `#[yields]`.
///
/// The values together are the task's result. If it is called by [`stream`](crate::StreamCall::stream), they are also given to
/// the caller at once.
pub struct Yields<T> {
    /// Where the values go while the task runs; none if its caller waits for the end.
    outlet: Option<Arc<Outlet<T>>>,
    /// The values so far, unless nobody will want them any more.
    gathered: Option<Arc<Mutex<Vec<T>>>>,
    /// How many values were yielded in this attempt.
    yielded: AtomicUsize,
    /// Asks the attempt to end.
    cancel: Option<Cancel>,
}

/// The way from a call's attempts to its caller.
pub(crate) struct Outlet<T> {
    sender: mpsc::Sender<T>,
    /// How many values the caller was given, by all attempts.
    given: AtomicUsize,
    /// Whether the values are wanted together, too.
    gathers: bool,
}

/// An [`Outlet`] whose type the body knows.
pub(crate) type AnyOutlet = Arc<dyn Any + Send + Sync>;

/// Nobody takes the values of the task any more, or it was asked to end: it is to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes the values of this task any more")]
pub struct StreamClosed;

impl<T: Volatile> Outlet<T> {
    pub(crate) fn new(buffer: usize, gathers: bool) -> (Self, mpsc::Receiver<T>) {
        let (sender, receiver) = mpsc::channel(buffer.max(1));
        (Outlet { sender, given: AtomicUsize::new(0), gathers }, receiver)
    }
}

impl<T: Volatile> Yields<T> {
    /// Makes what the attempt around the present code yields to.
    fn here() -> Self {
        let scope = Scope::current();
        let outlet = scope.task().and_then(|task| task.outlet.clone()).and_then(|outlet| outlet.downcast().ok());
        let gathers = outlet.as_ref().is_none_or(|outlet: &Arc<Outlet<T>>| outlet.gathers);
        let gathered = gathers.then(Arc::default);
        Yields { outlet, gathered, yielded: AtomicUsize::new(0), cancel: scope.cancel().cloned() }
    }

    /// Yields a value, as soon as the caller has room for it.
    ///
    /// A retry yields from the beginning; what the caller has already got is not given again, however the new values
    /// look.
    ///
    /// # Errors
    /// When nobody takes values any more, or the task is asked to end.
    pub async fn send(&self, value: T) -> Result<(), StreamClosed> {
        if self.cancel.as_ref().is_some_and(Cancel::is_requested) {
            return Err(StreamClosed);
        }
        let permit = match &self.outlet {
            Some(outlet) if self.yielded.load(Ordering::Acquire) >= outlet.given.load(Ordering::Acquire) => {
                let permit = tokio::select! {
                    permit = outlet.sender.reserve() => permit.map_err(|_| StreamClosed)?,
                    () = requested(self.cancel.as_ref()) => return Err(StreamClosed),
                };
                Some((permit, &outlet.given))
            }
            _ => None,
        };
        self.yielded.fetch_add(1, Ordering::AcqRel);
        let kept = self.gathered.as_ref();
        match permit {
            Some((permit, given)) => {
                if let Some(gathered) = kept {
                    lock(gathered).push(value.clone());
                }
                given.fetch_add(1, Ordering::AcqRel);
                permit.send(value);
            }
            None => {
                if let Some(gathered) = kept {
                    lock(gathered).push(value);
                }
            }
        }
        Ok(())
    }

    /// Does the same in a plain function, whose thread waits.
    ///
    /// # Errors
    /// As [`send`](Yields::send).
    pub fn blocking_send(&self, value: T) -> Result<(), StreamClosed> {
        Handle::current().block_on(self.send(value))
    }

    /// Yields all that an iterator gives, in a plain function.
    ///
    /// # Errors
    /// As [`send`](Yields::send). The iterator is not asked for more then.
    pub fn blocking_send_all(&self, values: impl IntoIterator<Item = T>) -> Result<(), StreamClosed> {
        values.into_iter().try_for_each(|value| self.blocking_send(value))
    }
}

fn lock<T>(gathered: &Mutex<Vec<T>>) -> std::sync::MutexGuard<'_, Vec<T>> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn requested(cancel: Option<&Cancel>) {
    match cancel {
        Some(cancel) => cancel.requested().await,
        None => std::future::pending().await,
    }
}

/// The parameter of a task that is marked with `#[yields]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a task can yield to",
    label = "the type of a parameter with `#[yields]` is `flowcore::Yields<T>`, with the type of the values for `T`"
)]
pub trait YieldTo {
    /// The type of the values.
    type Item;
}

#[diagnostic::do_not_recommend]
impl<T> YieldTo for Yields<T> {
    type Item = T;
}

/// The result of a task that yields to `Y`.
pub type Yielded<Y> = Vec<<Y as YieldTo>::Item>;

/// Runs the function of a task that yields, and gives what it has yielded.
#[doc(hidden)]
pub fn yielding<T, R>(function: impl FnOnce(Yields<T>) -> R) -> impl Future<Output = Result<Vec<T>, Error>>
where
    T: Volatile,
    R: Future<Output = Result<(), Error>>,
{
    let yields = Yields::here();
    let gathered = yields.gathered.clone();
    let running = function(yields);
    async move {
        running.await?;
        Ok(gathered.map(|gathered| std::mem::take(&mut *lock(&gathered))).unwrap_or_default())
    }
}
