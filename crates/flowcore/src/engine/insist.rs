//! Writes without which a flow run would stay open: tried again while the store fails, for a bounded time.

use std::time::Duration;

use crate::client::ClientError;
use crate::clock::Clock;

/// The wait before the first repetition; each further one is twice as long, up to `LONGEST`.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// For how long a write is repeated. As long as the SQL stores wait for another process's lock.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says what of a flow run could not be written, and where the run stands therefore.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what}; in the store it stands as {stands}, and the next look for abandoned runs marks it as Crashed when this process has ended"
)]
pub(crate) struct LeftOpen {
    pub(crate) what: String,
    pub(crate) stands: String,
    pub(crate) source: ClientError,
}

/// Repeats a write until it succeeds, or has failed for too long.
pub(crate) async fn insist<T, F>(clock: &dyn Clock, write: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let (mut wait, mut waited) = (FIRST, Duration::ZERO);
    loop {
        match write().await {
            Err(error) if waited < PATIENCE => {
                if waited.is_zero() {
                    tracing::warn!(target: "flowcore::flow_run", "the store fails, and is tried again for {PATIENCE:?}: {error}");
                }
                clock.sleep(wait).await;
                waited += wait;
                wait = (wait * 2).min(LONGEST);
            }
            result => return result,
        }
    }
}
