//! Plain functions as tasks: they run on the blocking pool, inside the run that called them.

use super::context::Scope;
use super::error::Error;
use super::panics::Panicked;

/// Runs a plain function on the blocking pool.
#[doc(hidden)]
pub async fn blocking<T: Send + 'static>(
    function: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let scope = Scope::current();
    match tokio::task::spawn_blocking(move || scope.enter(|| Panicked::catch(function))).await {
        Ok(Ok(result)) => result,
        // Let the engine treat it like a panic of an async function.
        Ok(Err(panicked)) => Err(panicked.into()),
        Err(error) => Err(error.into()),
    }
}
