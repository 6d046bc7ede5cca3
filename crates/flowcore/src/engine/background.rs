//! Where an engine does what goes on beside its runs: flushing the journal and log lines, renewing the process's lease,
//! looking for what other processes ask.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

type Job = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where an engine does what goes on beside its runs. Cheap to clone.
///
/// The default is a thread of flowcore's own, so that user code which keeps its threads busy delays nothing. It is started
/// when it is first needed, and ends when the last handle is dropped and its jobs are done.
#[derive(Clone, Default)]
pub struct Background {
    place: Place,
    alone: bool,
}

#[derive(Clone)]
enum Place {
    Thread(Arc<OnceLock<mpsc::UnboundedSender<Job>>>),
    Runtime(Handle),
}

impl Default for Place {
    fn default() -> Self {
        Place::Thread(Arc::default())
    }
}

impl Background {
    /// Chooses a runtime, whose time then is the time of all that the engine does, and whose end is the end of it: for
    /// tests with virtual time. Task runners are left aside, since frozen time would go on while their threads work.
    pub fn on(runtime: Handle) -> Self {
        Background { place: Place::Runtime(runtime), alone: false }
    }

    /// Says that nothing but this engine uses its store while it does: nobody looks there for what others ask, and the
    /// lease is not renewed.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Tells whether everything has to be in the chosen runtime.
    pub(crate) fn is_a_runtime(&self) -> bool {
        matches!(self.place, Place::Runtime(_))
    }

    /// Tells whether nothing but this engine uses its store.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Returns after this time, when others may have changed something in the store; never where there are none.
    pub(crate) async fn others(&self, pause: Duration) {
        if self.alone {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(pause).await;
    }

    /// Runs a future there.
    pub(crate) fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        let sender = match &self.place {
            Place::Thread(sender) => sender.get_or_init(start),
            Place::Runtime(runtime) => {
                runtime.spawn(job);
                return;
            }
        };
        // The receiver lives as long as a sender does, unless the thread could not be started: then the caller's
        // runtime has to do.
        if let Err(mpsc::error::SendError(job)) = sender.send(Box::pin(job))
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(job);
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Thread(_) => "thread",
            Place::Runtime(_) => "runtime",
        };
        f.debug_struct("Background").field("place", &place).field("alone", &self.alone).finish()
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
