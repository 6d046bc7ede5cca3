//! A seam in front of the functions of tasks, for tests.

use std::pin::Pin;
use std::time::Duration;

use super::error::Error;
use super::job::BodyFuture;

/// One execution of a task's function that is about to begin.
pub(crate) struct Execution {
    /// The task's name.
    pub(crate) task: String,
    /// The task run's name.
    pub(crate) run: String,
    /// What ends it if it takes too long.
    pub(crate) timeout: Option<Duration>,
}

/// Comes in front of the functions of tasks.
pub(crate) trait Interference: Send + Sync + 'static {
    /// Is waited for before a function begins, within its timeout. Errors and panics are taken for the function's own.
    fn before(&self, execution: Execution) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
}

/// Puts the interference in front of a function.
pub(super) fn in_front_of(body: BodyFuture, interference: &dyn Interference, execution: Execution) -> BodyFuture {
    let before = interference.before(execution);
    Box::pin(async move {
        before.await?;
        body.await
    })
}
