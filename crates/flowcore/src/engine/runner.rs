//! Task runners: where the bodies of tasks run.
//!
//! Before a task is RUNNING it takes its [`Turn`]: a thread that waits for its body. So what waits for a thread is not
//! RUNNING, and no timeout counts the wait.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::attempt::Ran;
use super::context::Scope;
use super::error::Error;
use super::job::BodyFuture;
use super::panics::CatchPanics;
use super::polled::Polled;
use super::pool::{Pool, Threads, Work};

/// Where the bodies of tasks run: on the runtime around them, or on threads that nothing else uses.
///
/// A clone is the same runner: with `thread_pool("cpu", 4)` in the attribute of a flow, all its runs in the process share four
/// threads. For several tasks to share one, put it into a `static` and give each a clone.
///
/// ```
/// use std::sync::LazyLock;
///
/// use flowcore::{Engine, Result, TaskRunner, each, flow, task};
///
/// static CPU: LazyLock<TaskRunner> = LazyLock::new(|| TaskRunner::thread_pool("cpu", 2));
///
/// #[task(task_runner = CPU.clone())]
/// fn checksum(block: Vec<u8>) -> u32 {
///     block.iter().map(|byte| u32::from(*byte)).sum()
/// }
///
/// #[flow(task_runner = blocking_pool(8))]
/// async fn checksums(blocks: Vec<Vec<u8>>) -> Result<u32> {
///     Ok(checksum::map(blocks).await?.into_iter().sum())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     assert_eq!(checksums(vec![vec![1, 2], vec![3]]).on(&Engine::memory()).await?, 6);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct TaskRunner(Option<Arc<Pool>>);

impl TaskRunner {
    /// Runs async functions on the runtime of their caller and plain functions on its blocking pool, as is done where no
    /// runner is set. How many run at once is a matter of the flow's `task_limit`.
    pub fn current_runtime() -> Self {
        TaskRunner(None)
    }

    /// Runs functions on the blocking pool of the runtime, at most `limit` of them at once. For what blocks: calls of
    /// libraries that wait for files, devices or servers without `await`.
    pub fn blocking_pool(limit: usize) -> Self {
        TaskRunner(Some(Arc::new(Pool::blocking(limit))))
    }

    /// Runs functions on threads of their own that are called `name`, at most `threads` of them at once. For what keeps
    /// processors busy, as Prefect's `ThreadPoolTaskRunner(max_workers=threads)`.
    ///
    /// Threads are started when they are needed. They end when there was nothing to do for ten seconds, and when the
    /// last clone of the runner is dropped. Async functions are polled on them, and have none while they wait: tasks
    /// that wait for each other do not run out of threads.
    pub fn thread_pool(name: impl Into<String>, threads: usize) -> Self {
        TaskRunner(Some(Arc::new(Pool::own(name.into(), threads))))
    }

    /// Gives the threads, if it has some.
    pub(crate) fn threads(&self) -> Option<&Arc<Threads>> {
        self.0.as_deref().map(Pool::threads)
    }
}

impl fmt::Debug for TaskRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref().map(|pool| (pool.name(), pool.limit())) {
            None => f.write_str("current_runtime()"),
            Some((None, limit)) => write!(f, "blocking_pool({limit})"),
            Some((Some(name), limit)) => write!(f, "thread_pool({name:?}, {limit})"),
        }
    }
}

/// A thread that waits for one body. Dropped, it goes on to the next.
pub(crate) struct Turn {
    threads: Arc<Threads>,
    give: SyncSender<Arc<Polled>>,
}

impl Turn {
    /// Waits for a thread.
    pub(crate) async fn take(threads: Arc<Threads>) -> Self {
        let (reply, granted) = oneshot::channel();
        let own = threads.clone();
        let run = move || {
            let (give, body) = sync_channel::<Arc<Polled>>(1);
            // Whoever has given up has dropped its end of one of the two channels.
            if reply.send(Turn { threads: own, give }).is_ok()
                && let Ok(body) = body.recv()
            {
                body.poll();
            }
        };
        threads.execute(Work { runtime: Handle::current(), run: Box::new(run) });
        match granted.await {
            Ok(turn) => turn,
            // The runtime is shutting down, and this with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Runs a body to its end, on this thread at first, with the scope around it. If this is dropped before, the body is
    /// dropped, and a thread that cannot be interrupted is left behind in the scope.
    pub(crate) async fn run(self, scope: Scope, body: BodyFuture) -> Ran {
        let (end, ended) = oneshot::channel::<()>();
        let (sender, ran) = oneshot::channel();
        let place = scope.flow().map(|flow| flow.threads.one());
        let body = scope.clone().surround(async move {
            let ran = CatchPanics(body).await;
            drop((end, place));
            // Nobody wants what comes of a body that was left behind.
            drop(sender.send(ran));
        });
        let polled = Polled::new(self.threads, Box::pin(body));
        // The thread waits for it.
        drop(self.give.send(polled.clone()));
        let mut running = Running { scope, polled, ended: Some(ended) };
        let ran = ran.await;
        running.ended = None;
        ran.unwrap_or_else(|error| Ok(Err(Error::from(error))))
    }
}

/// A body that runs, and where its thread is left when nobody waits for it any more.
struct Running {
    scope: Scope,
    polled: Arc<Polled>,
    /// None when it has ended.
    ended: Option<oneshot::Receiver<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.polled.abort();
            self.scope.leave(ended);
        }
    }
}
