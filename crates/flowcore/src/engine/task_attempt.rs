//! One execution of a task's function.

use super::attempt::{Attempt, Fault};
use super::context::Scope;
#[cfg(feature = "testing")]
use super::interference::{Execution, in_front_of};
use super::job::BodyFuture;
use super::panics::{CatchPanics, Panicked};
use super::runner::Turn;
use super::task_engine::TaskExecution;

impl TaskExecution {
    /// Runs the body once, on the thread if it has got one.
    pub(super) async fn attempt(&mut self, turn: Option<Turn>) -> Attempt {
        if let Some(assets) = &self.assets {
            assets.forget_metadata();
        }
        let scope = self.inside_body(turn.is_some());
        let attempt = scope.task().map_or(1, |task| task.attempt);
        let retries = self.call.options().common.retries;
        let last = u32::try_from(attempt - self.run_count_at_start).unwrap_or(1) > retries;
        let job = &mut self.call.job;
        // The body's future is made inside: a plain function's arguments may be dropped with a panic too.
        let body = match Panicked::catch(|| scope.clone().enter(|| job.invoke(last))) {
            Ok(body) => self.span.body(self.interfered(body)),
            Err(panicked) => return Attempt::Failed(Fault::Panic(panicked)),
        };
        let mut under_way = UnderWay { scope: scope.clone(), returned: false };
        let (timeout, clock) = (self.call.options().common.timeout, &*self.engine.0.clock);
        let attempt = match turn {
            None => {
                let body = std::pin::pin!(scope.surround(CatchPanics(body)));
                Attempt::of(body, timeout, &self.cancel, clock).await
            }
            Some(turn) => {
                let mut body = Box::pin(turn.run(scope, body));
                Box::pin(Attempt::of(body.as_mut(), timeout, &self.cancel, clock)).await
            }
        };
        under_way.returned = !matches!(attempt, Attempt::Cancelled | Attempt::Failed(Fault::TimedOut(_)));
        self.left = under_way.scope.take_left();
        attempt
    }

    /// Puts in front of the function what a test wants to come there.
    #[cfg(feature = "testing")]
    fn interfered(&self, body: BodyFuture) -> BodyFuture {
        let Some(interference) = &self.engine.0.interference else { return body };
        let execution = Execution {
            task: self.call.name().to_owned(),
            run: self.entry.with(|run| run.name.clone()),
            timeout: self.call.options().common.timeout,
        };
        in_front_of(body, &**interference, execution)
    }

    #[cfg(not(feature = "testing"))]
    fn interfered(&self, body: BodyFuture) -> BodyFuture {
        body
    }
}

/// An attempt under way: if it ends otherwise than by its body's return, what it has called is asked to end, and so is its
/// thread.
struct UnderWay {
    scope: Scope,
    returned: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let (false, Some(task)) = (self.returned, self.scope.task()) {
            task.cancel().cancel();
        }
    }
}
