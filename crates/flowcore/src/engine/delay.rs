//! Leaving a task to a worker: its run is made here, and executed by whichever [`TaskWorker`](super::task_worker::TaskWorker)
//! takes it.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use super::bounds::Volatile;
use super::cancel::Cancel;
use super::codec::Codec;
use super::context::Scope;
use super::core::Engine;
use super::error::{Error, RunError};
use super::future::{Outcome, typed};
use super::options::TaskOptions;
use super::panics::Panicked;
use super::retry::Seconds;
use super::tags::add_tags;
use super::task_call::{Call, TaskCall};
use super::task_entry::fill_for;
use super::upstream::upstream;
use crate::model::{Labels, RunTimes, State, StateType, TaskRun, TaskRunFilter, TaskRunId, Text};
use crate::results::Serializer;

/// How soon somebody who waits looks for the end of a run first, and how often at last.
const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(1);

/// Gives the key under which a run's arguments are in result storage.
pub(super) fn arguments_key(id: TaskRunId) -> String {
    format!("parameters/{id}")
}

impl<T: Volatile> TaskCall<T> {
    /// Leaves the task to a worker: awaiting this makes a run that waits until a [`TaskWorker`](crate::TaskWorker) takes it,
    /// in this or another process, and gives a handle by which to wait for the result.
    ///
    /// It takes a server (`FLOWCORE_API_URL`), and result storage that both processes reach, for the arguments and for
    /// results that are large. The run belongs to no flow run, and outlives the one that it is called in. What is said of
    /// the call here is its name, its tags and its version; how it is executed is said where it is executed.
    ///
    /// ```no_run
    /// # use flowcore::{Engine, Result, TaskWorker, task};
    /// #[task(retries = 3)]
    /// async fn send_mail(to: String) -> Result<u32> {
    ///     Ok(u32::try_from(to.len())?)
    /// }
    ///
    /// // In a web service, say:
    /// # async fn service() -> Result<()> {
    /// let mail = send_mail("ada@example.org").delay().await?;
    /// println!("{} is on its way", mail.task_run_id());
    /// let length = mail.await?;
    /// # Ok(())
    /// # }
    ///
    /// // In a program beside it:
    /// # async fn worker() -> Result<()> {
    /// let engine = Engine::default().await?;
    /// TaskWorker::new().serve(send_mail::definition(), |to: String| send_mail(to)).run(&engine).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delay(self) -> DelayCall<T> {
        DelayCall { call: self.call, engine: None, marker: PhantomData }
    }
}

/// A task that is about to be left to a worker: await it.
#[must_use = "nothing is left to a worker until the call is awaited"]
pub struct DelayCall<T> {
    call: Call,
    engine: Option<Engine>,
    marker: PhantomData<fn() -> T>,
}

impl<T> DelayCall<T> {
    /// Uses this engine instead of the process's own.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = Some(engine.clone());
        self
    }
}

impl<T: Volatile> IntoFuture for DelayCall<T> {
    type Output = Result<DelayedTask<T>, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Makes the run, when the runs that its arguments come from have ended. It fails where no server is set, where the
    /// arguments cannot be kept, and where a run that they come from has failed.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let DelayCall { call, engine, marker } = self;
            let failed = {
                let name = call.name().to_owned();
                move |error: Error| RunError::infrastructure(format!("task `{name}`"), error)
            };
            let scope = Scope::current();
            let engine = match engine {
                Some(engine) => engine,
                None => scope.engine().await.map_err(|error| failed(error.into()))?,
            };
            let (options, codec) = (call.options().clone(), call.codec);
            let run = delay(&engine, &scope, call).await?;
            Ok(DelayedTask { id: run.id, name: run.name, engine, options, codec, marker })
        })
    }
}

async fn delay(engine: &Engine, scope: &Scope, mut call: Call) -> Result<TaskRun, RunError> {
    let name = format!("task `{}`", call.name());
    let failed = |error: Error| RunError::infrastructure(&*name, error);
    let cancel = scope.cancel().cloned().unwrap_or_else(Cancel::new);
    let upstream = upstream(&call, scope.task().map(|task| task.id), &cancel).await;
    if let Some(error) = upstream.failed {
        return Err(error);
    }
    let written = Panicked::catch(|| {
        call.job.resolve()?;
        let named = call.options().task_run_name.as_ref().map(|template| fill_for(&call, scope, template));
        let arguments = serde_json::to_vec(&call.job.arguments(call.definition.site.parameters))?;
        Ok::<_, Error>((named, arguments))
    });
    let (named, arguments) = written.map_err(|panicked| failed(panicked.into()))?.map_err(&failed)?;
    let id = TaskRunId(engine.0.clock.uuid());
    let options = call.options();
    let mut tags = options.common.tags.clone();
    add_tags(&mut tags, scope.tags().list());
    let scheduled = engine.state(StateType::Scheduled);
    let run = TaskRun {
        id,
        flow_run_id: None,
        attempt: 0,
        task_key: Text::Borrowed(call.definition.site.key),
        dynamic_key: id.0.simple().to_string(),
        name: named.unwrap_or_else(|| call.name().to_owned()),
        task_version: options.common.version.clone().map(Text::Owned),
        tags,
        inputs_digest: None,
        task_inputs: upstream.edges,
        empirical_policy: options.common.retry_policy(),
        cache_key: None,
        times: RunTimes::new(scheduled.timestamp),
        state: scheduled,
        labels: Labels::new(),
        created: None,
    };
    // First what the worker needs, then what makes it come.
    let kept = engine.0.storage.write(&arguments_key(id), Serializer::JSON, arguments, None).await;
    kept.map_err(|error| failed(error.into()))?;
    engine.0.client.defer_task_run(&run).await.map_err(|error| failed(error.into()))?;
    Ok(run)
}

/// A task that was left to a worker. Awaiting it waits for its end and gives its result; dropping it changes nothing.
pub struct DelayedTask<T> {
    id: TaskRunId,
    name: String,
    engine: Engine,
    options: TaskOptions,
    codec: Option<Codec>,
    marker: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for DelayedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedTask").field("run", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Volatile> DelayedTask<T> {
    /// Tells the task run's id.
    pub fn task_run_id(&self) -> TaskRunId {
        self.id
    }

    /// Tells in which state the run is.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has been deleted.
    pub async fn state(&self) -> Result<State, RunError> {
        let filter = TaskRunFilter { ids: Some(vec![self.id]), ..TaskRunFilter::default() };
        let found = self.engine.0.client.task_runs(&filter).await;
        let found = found.map_err(|error| RunError::infrastructure(&*self.name, error))?.into_iter().next();
        found.map(|run| run.state).ok_or_else(|| {
            let error = Error::msg(format!("there is no task run {} any more: somebody has deleted it", self.id));
            RunError::infrastructure(&*self.name, error)
        })
    }

    /// Waits for the run to end and returns its final state, whatever that is, with its result.
    pub async fn outcome(&self) -> Outcome<T> {
        let mut wait = SOON;
        let state = loop {
            match self.state().await {
                Ok(state) if state.is_terminal() => break state,
                Ok(_) => {}
                Err(error) => return Outcome { state: None, result: Err(error) },
            }
            self.engine.0.clock.sleep(wait).await;
            wait = (wait * 2).min(LATER);
        };
        let result = if state.is_completed() {
            let kept = self.options.common.keeping(&self.engine, self.codec).load(&state).await;
            kept.map(typed).ok_or_else(|| {
                let why = "it has completed, and its result cannot be read here: it is not kept, or in a result storage that \
                           this process does not reach (FLOWCORE_RESULT_STORAGE)";
                RunError::infrastructure(&*self.name, Error::msg(why))
            })
        } else {
            Err(RunError::of_state(&*self.name, state.clone(), None))
        };
        Outcome { state: Some(state), result }
    }

    /// Waits for the run to end, but not longer than this; tells whether it has ended.
    pub async fn wait(&self, limit: impl Into<Seconds>) -> bool {
        tokio::time::timeout(limit.into().duration(), self.outcome()).await.is_ok()
    }
}

impl<T: Volatile> IntoFuture for DelayedTask<T> {
    type Output = Result<T, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.outcome().await.result })
    }
}
