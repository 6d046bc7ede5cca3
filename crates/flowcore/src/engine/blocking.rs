//! Plain functions as tasks: they run on the blocking pool, or on the threads of their task runner, inside the run that called
//! them. Nothing can stop their threads,
//! so that a thread which goes on when its attempt has ended is left behind in the attempt's scope, for the next attempt to
//! wait for.

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::context::Scope;
use super::error::Error;
use super::panics::Panicked;
use super::spans::Above;

/// What an attempt has left behind that still goes on: a plain function's thread, rollbacks of transactions.
#[derive(Default)]
pub(crate) struct Left(Vec<oneshot::Receiver<()>>);

impl Left {
    /// Adds something, whose end shows in the sender's being dropped; it never sends anything.
    pub(crate) fn add(&mut self, ended: oneshot::Receiver<()>) {
        self.0.push(ended);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until all of it has ended.
    pub(crate) async fn ended(self) {
        for ended in self.0 {
            drop(ended.await);
        }
    }
}

/// Runs a plain function on the blocking pool, unless a task runner has put its body on a thread already.
#[doc(hidden)]
pub async fn blocking<T: Send + 'static>(
    function: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let scope = Scope::current();
    if scope.task().is_some_and(|task| task.on_thread) {
        return function();
    }
    let (inside, above) = (scope.clone(), Above::here());
    let (sender, ended) = oneshot::channel();
    let place = scope.flow().map(|flow| flow.threads.one());
    // Tests have subscribers of their own, which tracing knows by the thread.
    #[cfg(feature = "testing")]
    let function = {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        move || tracing::dispatcher::with_default(&subscriber, function)
    };
    let thread = tokio::task::spawn_blocking(move || {
        let result = above.enter(|| inside.enter(|| Panicked::catch(function)));
        drop((sender, place));
        result
    });
    let mut running = Running { scope, thread: thread.abort_handle(), ended: Some(ended) };
    let result = thread.await;
    running.ended = None;
    match result {
        Ok(Ok(result)) => result,
        // Let the engine treat it like a panic of an async function.
        Ok(Err(panicked)) => Err(panicked.into()),
        Err(error) => Err(error.into()),
    }
}

/// A plain function that runs, and where its thread is left when nobody waits for it any more.
struct Running {
    scope: Scope,
    thread: AbortHandle,
    /// None when it has ended.
    ended: Option<oneshot::Receiver<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // One that has not begun never will.
            self.thread.abort();
            self.scope.leave(ended);
        }
    }
}
