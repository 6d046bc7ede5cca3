//! Ending an engine in order: the runs under way first, then the engine.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use super::attempt::expired;
use super::core::Engine;
use super::retry::Seconds;
use crate::client::ClientError;

/// A call of [`Engine::shutdown`] that has not begun: awaiting it waits for the runs and closes the engine.
#[must_use = "nothing is waited for until the call is awaited"]
pub struct Shutdown {
    engine: Engine,
    timeout: Option<Duration>,
}

impl Engine {
    /// Waits for the flow runs that are executed on this engine, and then closes it as [`close`](Engine::close) does. For
    /// services that flows are embedded in: see `examples/http_service.rs`.
    ///
    /// Whoever starts runs has to stop that first: one that begins meanwhile is waited for as well, and once the engine is
    /// closed none can begin. Tasks that were called outside of flows are waited for by those who called them.
    ///
    /// ```
    /// use flowcore::{Engine, Result, flow};
    ///
    /// #[flow]
    /// async fn report() -> u32 {
    ///     7
    /// }
    ///
    /// #[tokio::main]
    /// async fn main() -> Result<()> {
    ///     let engine = Engine::memory();
    ///     let running = report().on(&engine).submit();
    ///     engine.shutdown().timeout(30).await?;
    ///     assert!(running.is_finished());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The store failed.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown { engine: self.clone(), timeout: None }
    }
}

impl Shutdown {
    /// Asks the runs that have not ended within this time, in seconds, to end, and waits until they are Cancelled. Without
    /// it they may take as long as they like.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into().duration());
        self
    }
}

impl IntoFuture for Shutdown {
    type Output = Result<(), ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { engine, timeout } = self;
            let runs = engine.0.runs.clone();
            tokio::select! {
                biased;
                () = runs.none() => {}
                _ = expired(timeout, &*engine.0.clock) => {
                    engine.cancel_all();
                    runs.none().await;
                }
            }
            engine.close().await
        })
    }
}
