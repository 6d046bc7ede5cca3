//! Pauses: a flow that waits until somebody resumes it, in its process or without one.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::condition::Condition;
use super::context::{FlowScope, Scope};
use super::core::{Engine, EngineError};
use super::executing::Wait;
use super::program::command;
use super::retry::Seconds;
use crate::client::ClientError;
use crate::clock::Clock;
use crate::model::{FlowRun, FlowRunId, State, StateName, StateType, Timestamp};
use crate::orchestration::Decision;

/// Pauses the flow around this code until somebody resumes it: `flowcore flow-run resume ID`, or
/// [`resume_flow_run`](crate::resume_flow_run). The process keeps the run and waits; what was submitted goes on. The run
/// is PAUSED meanwhile; should its process die, it becomes Suspended and can be resumed all the same.
///
/// A pause that was resumed returns at once when the flow is executed again. It is recognized by its key, or else by its
/// number among the pauses of the flow. A flow's timeout goes on during a pause.
///
/// ```
/// use flowcore::model::{FlowRunFilter, StateType};
/// use flowcore::{Engine, JsonSchema, Result, flow, pause, resume_flow_run};
///
/// #[derive(serde::Deserialize, JsonSchema)]
/// #[schemars(crate = "flowcore::schemars")]
/// struct Approval {
///     approved: bool,
///     reason: Option<String>,
/// }
///
/// #[flow]
/// async fn publish() -> Result<bool> {
///     let answer = pause().for_input::<Approval>().message("Is the page right?").timeout(86_400).await?;
///     Ok(answer.approved && answer.reason.is_none())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     let engine = Engine::memory();
///     let running = tokio::spawn(publish().on(&engine).into_future());
///     let paused = FlowRunFilter { state_types: Some(vec![StateType::Paused]), ..FlowRunFilter::default() };
///     let run = loop {
///         match engine.client().flow_runs(&paused).await?.pop() {
///             Some(run) => break run,
///             None => tokio::task::yield_now().await,
///         }
///     };
///     resume_flow_run(&engine, run.id).input(serde_json::json!({"approved": true})).await?;
///     assert!(running.await??);
///     Ok(())
/// }
/// ```
pub fn pause() -> Pause {
    Pause::new(false)
}

/// Suspends the flow around this code until somebody resumes it: its function ends here, what was submitted is waited for,
/// and whoever called the flow gets an error that [says so](crate::RunError::is_suspended). Nothing of it is left in the
/// process. A resume (`flowcore flow-run resume ID`) starts the program anew: the flow's function runs from its beginning,
/// finished tasks give their kept results, and the suspension returns at once.
///
/// A program of `#[flowcore::main]` whose `main` returns that error ends with exit code 0. A flow that was called in a
/// flow cannot be suspended alone.
///
/// ```
/// use flowcore::{Engine, Result, flow, suspend};
///
/// #[flow]
/// async fn shipment() -> Result<()> {
///     suspend().key("paid").await?;
///     Ok(())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     let suspended = shipment().on(&Engine::memory()).await.unwrap_err();
///     assert!(suspended.is_suspended());
///     Ok(())
/// }
/// ```
pub fn suspend() -> Pause {
    Pause::new(true)
}

/// A pause that has not begun: await it, after saying how long it may last and what is to be told on its resume.
#[must_use = "a pause does nothing until it is awaited"]
pub struct Pause<T = ()> {
    suspends: bool,
    key: Option<String>,
    timeout: Option<Duration>,
    message: Option<String>,
    schema: Option<Value>,
    read: fn(Value) -> serde_json::Result<T>,
}

/// Why a pause gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// Nobody resumed the run in time.
    #[error("the flow was paused and not resumed within {0:?}")]
    TimedOut(Duration),
    /// It was called where nothing can be paused.
    #[error("{0}")]
    Misplaced(&'static str),
    /// The run could not be paused, or was ended meanwhile.
    #[error("the flow run cannot be paused: {0}")]
    Refused(String),
    /// What the run was told is not what it waits for, although its schema allows it.
    #[error("the input of the resume cannot be read: {0}")]
    Input(#[from] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Pause {
    fn new(suspends: bool) -> Self {
        Pause { suspends, key: None, timeout: None, message: None, schema: None, read: |_| Ok(()) }
    }

    /// Wants to be told a value on the resume, and gives it. Its JSON schema is kept with the run: a resume with another
    /// value is refused.
    #[cfg(feature = "schema")]
    pub fn for_input<T: serde::de::DeserializeOwned + schemars::JsonSchema>(self) -> Pause<T> {
        let Pause { suspends, key, timeout, message, .. } = self;
        let schema = Some(schemars::schema_for!(T).to_value());
        Pause { suspends, key, timeout, message, schema, read: serde_json::from_value }
    }
}

impl<T> Pause<T> {
    /// Names the pause. Without a name it is recognized by its number, which holds as long as the flow pauses in the same
    /// order each time. A second pause of the same name returns at once.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Limits the time until the resume. A [`pause`] then fails, and its flow with it unless it goes on; a run that is
    /// [suspended](suspend) fails when somebody tries to resume it later.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into().duration());
        self
    }

    /// Says what for, to whoever looks at the run.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    async fn run(self) -> Result<T, PauseError> {
        let scope = Scope::current();
        let Some(flow) = scope.flow() else {
            return Err(PauseError::Misplaced("there is no flow to pause around this code"));
        };
        if scope.task().is_some() {
            return Err(PauseError::Misplaced("a task cannot be paused: pause in the flow that calls it"));
        }
        let number = flow.pauses.count.fetch_add(1, Ordering::Relaxed) + 1;
        let key = self.key.clone().unwrap_or_else(|| number.to_string());
        // One after the other: a run is paused once at a time.
        let _turn = flow.pauses.turn.lock().await;
        flow.pauses.left().await;
        let engine = scope.engine().await?;
        if let Some(input) = told_before(&engine, flow.id, &key).await? {
            return Ok((self.read)(input)?);
        }
        let run = engine.0.client.flow_run(flow.id).await?;
        let run = run.ok_or_else(|| PauseError::Refused("it has been deleted".into()))?;
        if self.suspends && run.parent_task_run_id.is_some() {
            return Err(PauseError::Misplaced(
                "a flow that was called in a flow cannot be suspended alone: pause it, or suspend the flow around it",
            ));
        }
        let state = self.state(&engine, key);
        if self.suspends {
            flow.pauses.suspend(state);
            return std::future::pending().await;
        }
        let input = self.wait(&engine, flow, run, state).await?;
        Ok((self.read)(input)?)
    }

    fn state(&self, engine: &Engine, key: String) -> State {
        let mut state = engine.state(StateType::Paused);
        state.message.clone_from(&self.message);
        let timeout = self.timeout.and_then(|timeout| chrono::TimeDelta::from_std(timeout).ok());
        let limit = timeout.and_then(|timeout| state.timestamp.checked_add_signed(timeout));
        let details = state.details_mut();
        details.pause_key = Some(key);
        details.pause_timeout = limit;
        details.pause_reschedule = self.suspends;
        details.input_schema.clone_from(&self.schema);
        if self.suspends { state.named(StateName::SUSPENDED) } else { state }
    }

    /// Enters the pause, and waits for its end.
    async fn wait(&self, engine: &Engine, flow: &FlowScope, run: FlowRun, paused: State) -> Result<Value, PauseError> {
        let refused = |why: &str| Err(PauseError::Refused(why.to_owned()));
        let details = paused.details.as_deref().cloned().unwrap_or_default();
        let (limit, key) = (details.pause_timeout, details.pause_key.unwrap_or_default());
        // Before the pause shows, so that no resume is missed.
        let Some(wait) = engine.0.executing.wait(flow.id, key) else { return refused("nobody executes it") };
        // What led here is to be read by those who decide.
        engine.0.journal.commit().await?;
        engine.0.logs.flush().await?;
        let decided = engine.0.client.set_flow_run_state(&run, paused).await?;
        if let Decision::Stay(why) | Decision::Abort(why) = decided.decision {
            if decided.run.state.kind == StateType::Cancelling {
                engine.0.executing.tell(&decided.run);
                return std::future::pending().await;
            }
            return refused(&why);
        }
        tracing::info!(target: "flowcore::flow_run", "Paused; resume it with: {} flow-run resume {}", command(), flow.id);
        let mut pausing = Pausing { engine, pauses: &flow.pauses, run: decided.run, wait, over: false };
        let ended = tokio::select! {
            biased;
            state = pausing.wait.left() => Some(state),
            () = until(&*engine.0.clock, limit) => None,
        };
        pausing.over = true;
        let state = match ended {
            Some(state) => state,
            None => {
                let running = engine.state(StateType::Running);
                let decided = engine.0.client.set_flow_run_state(&pausing.run, running).await?;
                match decided.decision {
                    Decision::Accept(_) => return Err(PauseError::TimedOut(self.timeout.unwrap_or_default())),
                    // Somebody was faster.
                    _ => decided.run.state,
                }
            }
        };
        match state.kind {
            StateType::Running => {
                tracing::info!(target: "flowcore::flow_run", "Resumed");
                Ok(state.details.and_then(|details| details.input).unwrap_or_default())
            }
            StateType::Cancelling => std::future::pending().await,
            _ => refused(&format!("it is {} meanwhile", state.name)),
        }
    }
}

/// A pause under way. If it is given up, the run goes on.
struct Pausing<'a> {
    engine: &'a Engine,
    pauses: &'a Pauses,
    run: FlowRun,
    wait: Wait,
    over: bool,
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        // A run that is asked to end leaves the pause by its end.
        if self.over || self.wait.is_cancelled() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (engine, run) = (self.engine.clone(), self.run.clone());
            let running = engine.state(StateType::Running);
            let leaving = runtime.spawn(async move {
                if let Err(error) = engine.0.client.set_flow_run_state(&run, running).await {
                    tracing::warn!(target: "flowcore", "flow run '{}' seems to be paused still: {error}", run.name);
                }
            });
            *self.pauses.leaving.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaving);
        }
    }
}

/// Finds what the pause of this key was told when it was resumed, by its state: null if nothing; none if it was not.
async fn told_before(engine: &Engine, id: FlowRunId, key: &str) -> Result<Option<Value>, ClientError> {
    let states = engine.0.client.flow_run_states(id).await?;
    let resumed = states.into_iter().rev().find_map(|state| {
        let details = state.details.filter(|details| details.pause_key.as_deref() == Some(key))?;
        matches!(state.kind, StateType::Running | StateType::Scheduled).then_some(details)
    });
    Ok(resumed.map(|details| details.input.unwrap_or_default()))
}

/// Waits until this time; for ever without one.
async fn until(clock: &dyn Clock, limit: Option<Timestamp>) {
    match limit {
        Some(limit) => clock.sleep((limit - clock.now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

impl<T: 'static> IntoFuture for Pause<T> {
    type Output = Result<T, PauseError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T, PauseError>> + Send>>;

    /// Pauses the flow.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The pauses of a flow run in one attempt.
#[derive(Default)]
pub(crate) struct Pauses {
    count: AtomicU32,
    turn: tokio::sync::Mutex<()>,
    /// The state in which the run is to be suspended.
    suspended: OnceLock<State>,
    asked: Condition,
    /// What takes the run out of a pause that was given up.
    leaving: Mutex<Option<JoinHandle<()>>>,
}

impl Pauses {
    fn suspend(&self, state: State) {
        // Pauses come one after the other, and none comes behind this one.
        if self.suspended.set(state).is_ok() {
            self.asked.changed();
        }
    }

    /// Waits until the run has left a pause that was given up.
    pub(crate) async fn left(&self) {
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(leaving) = leaving {
            // It reports its failures itself.
            drop(leaving.await);
        }
    }

    /// Waits until the run is to be suspended, and gives the state for that.
    pub(crate) async fn suspended(&self) -> State {
        self.asked.met(|| self.suspended.get().cloned()).await
    }
}
