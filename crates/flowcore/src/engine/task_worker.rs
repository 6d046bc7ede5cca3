//! Executing tasks that others have left to workers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};

use super::bounds::Volatile;
use super::context::Scope;
use super::core::Engine;
use super::definition::{ParameterError, Parameters, TaskDefinition};
use super::delay::arguments_key;
use super::entry::Entry;
use super::error::Error;
use super::panics::Panicked;
use super::signals::asked_to_end;
use super::task_call::{Call, TaskCall};
use super::task_engine::TaskExecution;
use crate::client::ClientError;
use crate::model::{State, StateType, TaskRun};
use crate::results::Lookup;

/// How many runs a worker executes at once unless it is told otherwise: as many as Prefect's.
const LIMIT: usize = 10;

/// How long a worker that has no room waits for some before it lets others have the next run.
const GRACE: Duration = Duration::from_millis(50);

/// How often it looks for runs of workers on this machine that have died.
const LOOK: Duration = Duration::from_secs(2);

/// Executes the runs of tasks that [`delay`](crate::TaskCall::delay) has made, as they come.
///
/// Several workers share the runs, each run goes to one of them. When the process of one dies, what it was executing goes to
/// another worker on the same machine with the same `FLOWCORE_HOME`, and from the beginning: a task that is left to workers
/// should be one that may be executed twice.
#[must_use = "a worker does nothing until it is run"]
pub struct TaskWorker {
    tasks: Vec<Served>,
    limit: usize,
}

/// A task, and how a call of it is made of kept arguments.
struct Served {
    definition: &'static TaskDefinition,
    make: Make,
}

type Make = Box<dyn Fn(&Parameters) -> Result<Call, ParameterError> + Send + Sync>;

impl Default for TaskWorker {
    fn default() -> Self {
        TaskWorker::new()
    }
}

impl fmt::Debug for TaskWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.tasks.iter().map(|task| task.definition.name()).collect();
        f.debug_struct("TaskWorker").field("tasks", &names).field("limit", &self.limit).finish()
    }
}

impl TaskWorker {
    /// Makes a worker for no task yet.
    pub fn new() -> Self {
        TaskWorker { tasks: Vec::new(), limit: LIMIT }
    }

    /// Executes this task as well: `call` makes a call of it from its arguments, and may add resources and options.
    ///
    /// ```no_run
    /// # use flowcore::{Engine, Result, TaskWorker, task};
    /// # use std::sync::Arc;
    /// # struct Smtp;
    /// #[task]
    /// async fn send_mail(to: String, text: String, #[resource] smtp: Arc<Smtp>) -> u32 {
    ///     7
    /// }
    ///
    /// # async fn worker(engine: Engine) -> Result<()> {
    /// let smtp = Arc::new(Smtp);
    /// let send = move |to: String, text: String| send_mail(to, text, smtp.clone()).retries(3);
    /// TaskWorker::new().serve(send_mail::definition(), send).limit(4).run(&engine).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve<A>(mut self, definition: &'static TaskDefinition, call: impl MakesCalls<A>) -> Self {
        let names = definition.site.parameters;
        let make: Make = Box::new(move |parameters| call.make(names, parameters));
        self.tasks.push(Served { definition, make });
        self
    }

    /// Sets how many runs are executed at once, at least one; without it ten.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Executes runs until Ctrl-C or SIGTERM; then it takes no more, and returns when those under way have ended.
    ///
    /// # Errors
    ///
    /// There is no server, or it does not accept who asks. While it is away the worker waits.
    pub async fn run(self, engine: &Engine) -> Result<(), ClientError> {
        self.run_until(engine, asked_to_end()).await
    }

    /// Executes runs until `stop` is ready; then it takes no more, and returns when those under way have ended.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_until(self, engine: &Engine, stop: impl Future<Output = ()>) -> Result<(), ClientError> {
        let client = &engine.0.client;
        let worker = format!("flowcore-{}-{}", std::process::id(), engine.0.clock.uuid());
        client.free_task_runs_of_dead().await?;
        let _looks = Looks::start(engine);
        let mut running = JoinSet::new();
        let stopped = tokio::select! {
            biased;
            () = stop => client.take_no_task_runs(&worker).await,
            stopped = work(engine, self, &worker, &mut running) => stopped,
        };
        while running.join_next().await.is_some() {}
        stopped
    }
}

/// Takes one run after the other and executes them, until that fails.
async fn work(
    engine: &Engine,
    TaskWorker { tasks, limit }: TaskWorker,
    worker: &str,
    running: &mut JoinSet<()>,
) -> Result<(), ClientError> {
    let keys: Vec<String> = tasks.iter().map(|task| task.definition.site.key.to_owned()).collect();
    let (tasks, room) = (Arc::new(tasks), Arc::new(Semaphore::new(limit)));
    loop {
        let permit = place(engine, worker, &room).await?;
        let run = engine.0.client.take_task_run(&keys, worker).await?;
        while running.try_join_next().is_some() {}
        running.spawn(execute(engine.clone(), tasks.clone(), run, permit));
    }
}

/// Waits for room for a run. If that takes long, others may have the next one.
async fn place(engine: &Engine, worker: &str, room: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ClientError> {
    let free = room.clone().acquire_owned();
    let permit = match tokio::time::timeout(GRACE, free).await {
        Ok(permit) => permit,
        Err(_) => {
            engine.0.client.take_no_task_runs(worker).await?;
            room.clone().acquire_owned().await
        }
    };
    // Nobody closes it.
    permit.map_err(|_| ClientError::closed())
}

/// Looks from time to time for what dead workers have left, until it is dropped.
struct Looks(AbortHandle);

impl Looks {
    fn start(engine: &Engine) -> Self {
        let engine = engine.clone();
        let looking = tokio::spawn(async move {
            loop {
                engine.0.clock.sleep(LOOK).await;
                if let Err(error) = engine.0.client.free_task_runs_of_dead().await {
                    tracing::warn!(target: "flowcore", "what dead workers have left is looked for again: {error}");
                }
            }
        });
        Looks(looking.abort_handle())
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Executes one run that was taken.
async fn execute(engine: Engine, tasks: Arc<Vec<Served>>, run: TaskRun, _room: OwnedSemaphorePermit) {
    let (id, name) = (run.id, run.name.clone());
    let state = match call_of(&engine, &tasks, &run).await {
        Ok(call) => {
            let call = Call { made: Some(Box::new(run)), ..call };
            TaskExecution::run(Scope::new(engine.clone(), None, None), call, None).await.state
        }
        Err(error) => fail(&engine, run, &error).await,
    };
    if !state.is_some_and(|state| state.is_terminal()) {
        // What became of it is not recorded: it is executed again when this process has ended.
        tracing::error!(target: "flowcore", "the end of the background task `{name}` ({id}) could not be recorded");
        return;
    }
    if let Err(error) = engine.0.storage.delete(&arguments_key(id)).await {
        tracing::warn!(target: "flowcore", "the arguments of the background task `{name}` stay: {error}");
    }
    if let Err(error) = engine.0.client.finish_task_run(id).await {
        tracing::warn!(target: "flowcore", "the background task `{name}` ({id}): {error}");
    }
}

async fn call_of(engine: &Engine, tasks: &[Served], run: &TaskRun) -> Result<Call, Error> {
    let Some(served) = tasks.iter().find(|task| task.definition.site.key == run.task_key) else {
        return Err(Error::msg(format!("this worker does not serve the task `{}`", run.task_key)));
    };
    let parameters = match engine.0.storage.read(&arguments_key(run.id), engine.0.clock.now()).await {
        Lookup::Found { payload, .. } => Parameters::from_json(std::str::from_utf8(&payload)?)?,
        // A task without parameters may come from a client that keeps none.
        Lookup::Missing | Lookup::Expired if served.definition.site.parameters.is_empty() => Parameters::default(),
        Lookup::Missing | Lookup::Expired => {
            return Err(Error::msg(
                "its arguments are not in the result storage of this worker: set FLOWCORE_RESULT_STORAGE to one that those \
                 who delay tasks use as well",
            ));
        }
        Lookup::Damaged { reason } | Lookup::Unreachable { reason } => {
            return Err(Error::msg(format!("its arguments cannot be read: {reason}")));
        }
    };
    let call = Panicked::catch(|| (served.make)(&parameters))??;
    if std::ptr::eq(call.definition, served.definition) {
        Ok(call)
    } else {
        Err(Error::msg(format!("this worker calls the task `{}` for it", call.definition.site.key)))
    }
}

/// Records that a run cannot be executed. Gives its last state, if that could be recorded.
async fn fail(engine: &Engine, run: TaskRun, error: &Error) -> Option<State> {
    let states = engine.0.client.task_run_states(run.id).await.ok()?;
    let entry = Entry::adopted(run, states.len());
    let failed = engine.state(StateType::Failed).message(format!("The task could not be executed: {error}"));
    engine.0.journal.enter(&entry, failed.clone());
    engine.0.journal.commit().await.ok()?;
    Some(failed)
}

/// What makes calls of a task from arguments `A`: a function or closure of them that returns a call.
pub trait MakesCalls<A>: Send + Sync + 'static {
    #[doc(hidden)]
    fn make(&self, names: &[&str], parameters: &Parameters) -> Result<Call, ParameterError>;
}

macro_rules! makes_calls {
    ($(($($name:ident $index:tt),*))+) => {$(
        impl<F, T, $($name),*> MakesCalls<($($name,)*)> for F
        where
            F: Fn($($name),*) -> TaskCall<T> + Send + Sync + 'static,
            T: Volatile,
            $($name: DeserializeOwned,)*
        {
            fn make(&self, _names: &[&str], _parameters: &Parameters) -> Result<Call, ParameterError> {
                Ok(self($(argument::<$name>(_names, _parameters, $index)?),*).call)
            }
        }
    )+};
}

makes_calls! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, G 5)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8, K 9)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8, K 9, L 10)
    (A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8, K 9, L 10, M 11)
}

fn argument<T: DeserializeOwned>(names: &[&str], parameters: &Parameters, nth: usize) -> Result<T, ParameterError> {
    let name = names.get(nth).ok_or_else(|| {
        ParameterError(format!("the task has {} parameters, and more are wanted of it here", names.len()))
    })?;
    parameters.get(name)
}
