//! What a test does to tasks: failures, panics, hangs and delays in front of their functions.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::occasion::Occasion;
use crate::engine::error::{BoxError, Error};
use crate::engine::interference::{Execution, Interference};
use crate::engine::retry::Seconds;

/// Something that happens to executions of a task instead of, or before, its function:
/// [`TestEngine::inject`](super::TestEngine::inject) takes it.
///
/// Without more words it happens to every execution. A retry is an execution, too; a result that comes from a cache or from
/// an earlier attempt is none.
#[derive(Clone, Debug)]
#[must_use = "it has to be given to `TestEngine::inject`"]
pub struct Injection {
    task: String,
    run: Option<String>,
    occasion: Occasion,
    what: What,
}

#[derive(Clone)]
enum What {
    Fail(Arc<dyn Fn() -> Error + Send + Sync>),
    Panic(String),
    Hang,
    Delay(Duration),
}

/// Lets a task of this name fail with this message.
pub fn fail(task: impl Into<String>, message: impl Into<String>) -> Injection {
    let message = message.into();
    Injection::new(task, What::Fail(Arc::new(move || Error::msg(message.clone()))))
}

/// Lets a task of this name fail with an error, for those who look at its type.
pub fn fail_with<E: Into<BoxError>>(
    task: impl Into<String>,
    error: impl Fn() -> E + Send + Sync + 'static,
) -> Injection {
    Injection::new(task, What::Fail(Arc::new(move || Error::from_boxed(error().into()))))
}

/// Lets a task of this name panic with this message.
pub fn panic(task: impl Into<String>, message: impl Into<String>) -> Injection {
    Injection::new(task, What::Panic(message.into()))
}

/// Lets a task of this name take so long that its timeout ends it. Without a timeout it fails, and says that nothing would
/// have ended it.
pub fn hang(task: impl Into<String>) -> Injection {
    Injection::new(task, What::Hang)
}

/// Lets a task of this name begin later, by so many seconds of virtual time. Its timeout counts them.
pub fn delay(task: impl Into<String>, seconds: impl Into<Seconds>) -> Injection {
    Injection::new(task, What::Delay(seconds.into().duration()))
}

impl Injection {
    fn new(task: impl Into<String>, what: What) -> Self {
        Injection { task: task.into(), run: None, occasion: Occasion::Every, what }
    }

    /// Means the executions of the task run of this name only.
    pub fn of_run(mut self, name: impl Into<String>) -> Self {
        self.run = Some(name.into());
        self
    }

    /// Happens once: to the n-th execution from now on, the first being 1.
    pub fn nth(mut self, nth: u32) -> Self {
        self.occasion = Occasion::Nth(nth);
        self
    }

    /// Happens to so many executions from now on, and then no more.
    pub fn first(mut self, count: u32) -> Self {
        self.occasion = Occasion::First(count);
        self
    }

    fn means(&self, execution: &Execution) -> bool {
        self.task == execution.task && self.run.as_ref().is_none_or(|run| *run == execution.run)
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Fail(error) => write!(f, "Fail({})", error()),
            What::Panic(message) => write!(f, "Panic({message:?})"),
            What::Hang => f.write_str("Hang"),
            What::Delay(duration) => write!(f, "Delay({duration:?})"),
        }
    }
}

/// All that is injected into the tasks of an engine, and how often they were executed.
#[derive(Default)]
pub(super) struct Injections {
    pace: Pace,
    state: Mutex<State>,
}

/// How long functions take besides what they do.
#[derive(Default)]
pub(super) enum Pace {
    #[default]
    None,
    /// All the same, long enough for the journal to be written in between, as it would be if they worked.
    Even,
    /// At random, so that those which run side by side end in another order.
    Random(Mutex<fastrand::Rng>),
}

/// What an even pace adds: a moment longer than changes wait for being written.
const STEP: Duration = Duration::from_millis(5);

impl Pace {
    pub(super) fn random(seed: u64) -> Self {
        Pace::Random(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    fn step(&self, timeout: Option<Duration>) -> Duration {
        let step = match self {
            Pace::None => Duration::ZERO,
            Pace::Even => STEP,
            Pace::Random(random) => random.lock().unwrap_or_else(PoisonError::into_inner).u32(0..4) * STEP / 2,
        };
        // Nothing ends by its timeout for it.
        timeout.map_or(step, |timeout| step.min(timeout / 2))
    }
}

#[derive(Default)]
struct State {
    /// Each with how many executions that it means have begun.
    injections: Vec<(Injection, u32)>,
    /// How many executions of each task have begun.
    executions: HashMap<String, usize>,
}

impl Injections {
    pub(super) fn paced(pace: Pace) -> Self {
        Injections { pace, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, injection: Injection) {
        self.lock().injections.push((injection, 0));
    }

    pub(super) fn executions(&self, task: &str) -> usize {
        self.lock().executions.get(task).copied().unwrap_or_default()
    }

    /// Counts an execution, and lists what happens to it.
    fn begin(&self, execution: &Execution) -> Vec<What> {
        let mut state = self.lock();
        *state.executions.entry(execution.task.clone()).or_default() += 1;
        let mut happens = Vec::new();
        for (injection, seen) in state.injections.iter_mut().filter(|(injection, _)| injection.means(execution)) {
            *seen += 1;
            if injection.occasion.is(*seen) {
                happens.push(injection.what.clone());
            }
        }
        happens
    }
}

impl Interference for Injections {
    fn before(&self, execution: Execution) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> {
        let (happens, step) = (self.begin(&execution), self.pace.step(execution.timeout));
        Box::pin(async move {
            if !step.is_zero() {
                tokio::time::sleep(step).await;
            }
            for what in happens {
                match what {
                    What::Fail(error) => return Err(error()),
                    What::Panic(message) => panic!("{message}"),
                    What::Hang if execution.timeout.is_some() => std::future::pending().await,
                    What::Hang => {
                        let task = execution.task;
                        return Err(Error::msg(format!(
                            "the task `{task}` hangs as the test wants it, and has no timeout that would end it"
                        )));
                    }
                    What::Delay(duration) => tokio::time::sleep(duration).await,
                }
            }
            Ok(())
        })
    }
}
