//! One thread of flowcore's own for what must go on while user code keeps its threads busy: flushing the journal and log
//! lines, and renewing the process's lease.

use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

type Job = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A handle on the thread. It is started by the first job, and ends when the last handle is dropped and its jobs are done.
#[derive(Clone, Default)]
pub(crate) struct Background(Arc<OnceLock<mpsc::UnboundedSender<Job>>>);

impl Background {
    /// Runs a future on the thread.
    pub(crate) fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        let sender = self.0.get_or_init(start);
        // The receiver lives as long as a sender does, unless the thread could not be started: then the caller's
        // runtime has to do.
        if let Err(mpsc::error::SendError(job)) = sender.send(Box::pin(job))
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(job);
        }
    }
}

fn start() -> mpsc::UnboundedSender<Job> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Job>();
    let thread = std::thread::Builder::new().name("flowcore".into()).spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let mut jobs = tokio::task::JoinSet::new();
            while let Some(job) = receiver.recv().await {
                jobs.spawn(job);
                while jobs.try_join_next().is_some() {}
            }
            while jobs.join_next().await.is_some() {}
        });
    });
    drop(thread);
    sender
}
