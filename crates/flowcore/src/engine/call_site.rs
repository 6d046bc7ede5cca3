//! Calls that are made in runs and outside of them, in async functions and in plain ones.

use std::io;

use tokio::runtime::Builder;

use super::context::Scope;
use super::core::{Engine, EngineError};

/// Where a call was made, and the engine that it is to use.
#[derive(Clone)]
pub(crate) struct CallSite {
    pub(crate) scope: Scope,
    engine: Option<Engine>,
}

impl CallSite {
    /// Notes where the present code runs.
    pub(crate) fn here() -> Self {
        CallSite { scope: Scope::current(), engine: None }
    }

    /// Chooses an engine.
    pub(crate) fn set_engine(&mut self, engine: &Engine) {
        self.engine = Some(engine.clone());
    }

    /// Gives the chosen engine, that of the run around the call, or the process's own.
    pub(crate) async fn engine(&self) -> Result<Engine, EngineError> {
        match &self.engine {
            Some(engine) => Ok(engine.clone()),
            None => self.scope.engine().await,
        }
    }
}

/// Why nothing could be waited for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no thread can be had for waiting: {0}")]
pub struct NoThread(String);

impl From<io::Error> for NoThread {
    fn from(error: io::Error) -> Self {
        NoThread(error.to_string())
    }
}

/// Waits for a future, and blocks this thread meanwhile. The future runs on a thread and a runtime of their own: this
/// thread may belong to a runtime, which must not be blocked on.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, NoThread> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::scope(|threads| {
        let wait = std::thread::Builder::new().name("flowcore-wait".into());
        let waiting = wait.spawn_scoped(threads, || runtime.block_on(future))?;
        waiting.join().map_err(|_| NoThread("it panicked".into()))
    })
}

/// Writes what calls have in common whose `site` is a [`CallSite`] and whose `run` does what they are for: `on`,
/// `blocking` and awaiting.
macro_rules! awaitable {
    ($Call:ident $(<$T:ident: $bound:path>)? -> $Output:ty, $Error:ty) => {
        impl$(<$T: $bound>)? $Call$(<$T>)? {
            /// Uses this engine instead of that of the run around this code, or the process's own.
            pub fn on(mut self, engine: &$crate::engine::core::Engine) -> Self {
                self.site.set_engine(engine);
                self
            }

            /// Blocks this thread meanwhile, for plain functions.
            ///
            /// # Errors
            ///
            /// As when it is awaited; or no thread could be had for waiting.
            pub fn blocking(self) -> Result<$Output, $Error>
            where
                $Output: Send,
            {
                $crate::engine::call_site::block_on(self.run())?
            }
        }

        impl$(<$T: $bound + 'static>)? IntoFuture for $Call$(<$T>)? {
            type Output = Result<$Output, $Error>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.run())
            }
        }
    };
}

pub(crate) use awaitable;
