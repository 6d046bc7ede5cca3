//! A thread for all that is said to the server.
//!
//! Connections belong to the runtime that opened them, and calls come from several: from those of user code, which may
//! keep its threads busy or end, and from the engine's own. On a thread of its own none of that matters.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::client::{ClientError, ServerError};

/// The thread. It ends when this is dropped, whatever it is doing.
pub(super) struct Thread {
    runtime: Handle,
    /// Ends the thread when it is dropped.
    _end: oneshot::Sender<()>,
}

impl Thread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name("flowcore-client".to_owned()).spawn(move || {
            // It ends by the sender's drop: nothing is ever sent.
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        })?;
        Ok(Thread { runtime: handle, _end: end })
    }

    /// Runs a future on the thread, and waits for it. Whoever does not wait any more ends it.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, ClientError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        let task = self.runtime.spawn(work);
        let _ended = EndedOnDrop(task.abort_handle());
        task.await.unwrap_or_else(|error| Err(ServerError::NotStarted(format!("its thread failed: {error}")).into()))
    }

    /// Runs a future on the thread beside everything else.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }
}

struct EndedOnDrop(AbortHandle);

impl Drop for EndedOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
