//! Starts containers for runs, and finds those of workers that are gone.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::models::ContainerStateStatusEnum;
use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use flowcore::model::FlowRunId;
use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use uuid::Uuid;

use super::container::Wanted;
use super::engine::Engine;
use crate::infrastructure::{Ended, Execution, Infrastructure, Left, Stop, asked};
use crate::job::Job;
use crate::output::Output;

/// Labels by which a worker finds containers again.
const POOL: &str = "flowcore.io/work-pool-id";
const AUTO_REMOVE: &str = "flowcore.io/auto-remove";
const WORKER: &str = "prefect.io/worker-name";
const RUN: &str = "prefect.io/flow-run-id";

/// How long an engine may be away while a container is waited for, and how often it is asked meanwhile.
const PATIENCE: u32 = 120;
const AGAIN: Duration = Duration::from_secs(1);

/// How much output may wait to be read.
const BUFFER: usize = 64 * 1024;

/// How long the last output is waited for.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// Containers of an engine.
#[derive(Debug)]
pub(crate) struct Containers {
    engine: Engine,
}

impl Containers {
    /// Finds the engine.
    pub(crate) async fn find() -> Result<Self, String> {
        Ok(Containers { engine: Engine::find().await? })
    }
}

#[async_trait]
impl Infrastructure for Containers {
    async fn start(&self, job: &Job) -> Result<Box<dyn Execution>, String> {
        let is_removed = job.is_on("auto_remove", false);
        let labels = [(POOL, job.pool.to_string()), (AUTO_REMOVE, is_removed.to_string())];
        let wanted = Wanted::new(job, labels.map(|(name, value)| (name.to_owned(), value)))?;
        self.engine.provide(&wanted).await?;
        let id = self.engine.make(&wanted).await?;
        self.engine.start(&id).await?;
        Ok(Box::new(Container { engine: self.engine.clone(), id, is_removed, logs_since: 0 }))
    }

    async fn left_behind(&self, pool: Uuid) -> Result<Vec<Left>, String> {
        let now = chrono::Utc::now().timestamp();
        let all = self.engine.labelled(format!("{POOL}={pool}")).await?;
        let left = all.into_iter().filter_map(|found| {
            let labels: HashMap<String, String> = found.labels.unwrap_or_default();
            let is_removed = labels.get(AUTO_REMOVE).is_some_and(|is_removed| is_removed == "true");
            let has_ended = found.state.is_some_and(|state| ["exited", "dead"].contains(&state.to_string().as_str()));
            // One that has ended and is to stay is left alone: what became of its run was said, or is found by its silence.
            if has_ended && !is_removed {
                return None;
            }
            let run = FlowRunId(labels.get(RUN)?.parse().ok()?);
            let worker = labels.get(WORKER)?.clone();
            let container = Container {
                engine: self.engine.clone(),
                id: found.id?,
                is_removed,
                logs_since: i32::try_from(now).ok()?,
            };
            Some(Left { run, worker, is_orphan: false, execution: Box::new(container) })
        });
        Ok(left.collect())
    }
}

/// A container that executes a run.
struct Container {
    engine: Engine,
    id: String,
    /// Whether it is removed when it has ended.
    is_removed: bool,
    /// From when on its output is read, in seconds since 1970.
    logs_since: i32,
}

#[async_trait]
impl Execution for Container {
    fn id(&self) -> String {
        format!("{}:{}", self.engine.place, self.id)
    }

    async fn ended(
        self: Box<Self>,
        output: Output,
        mut stop: watch::Receiver<Option<Stop>>,
        grace: Duration,
    ) -> Result<Ended, String> {
        let (stdout, kept) = tokio::io::duplex(BUFFER);
        let (stderr, passed) = tokio::io::duplex(BUFFER);
        let following = tokio::spawn(follow(self.engine.clone(), self.id.clone(), self.logs_since, stdout, stderr));
        let reading = tokio::spawn({
            let output = output.clone();
            async move { tokio::join!(output.clone().keep(kept), output.pass_on(passed)).1 }
        });
        let by_itself = tokio::select! {
            ended = self.wait() => Ok(ended),
            why = asked(&mut stop) => Err(why),
        };
        let (ended, stopped) = match by_itself {
            Ok(ended) => (ended, None),
            Err(why) => {
                if let Err(error) = self.engine.stop(&self.id, grace.as_secs()).await {
                    tracing::warn!(target: "flowcore", "the container {} cannot be stopped: {error}", self.id);
                }
                (self.wait().await, Some(why))
            }
        };
        let following_ends = following.abort_handle();
        let complaints = match tokio::time::timeout(LAST_OUTPUT, reading).await {
            Ok(read) => read.unwrap_or_default(),
            Err(_) => String::new(),
        };
        following_ends.abort();
        if self.is_removed && ended.is_ok() {
            self.engine.remove(&self.id).await;
        }
        let (code, how) = ended?;
        Ok(Ended { what: "container", how, is_success: code == 0, stopped, complaints })
    }
}

impl Container {
    /// Waits for its end, also while the engine is away for a while; gives its exit code, and tells of it in words.
    async fn wait(&self) -> Result<(i64, String), String> {
        let mut failures = 0;
        loop {
            match self.engine.inspect(&self.id).await {
                Ok(None) => return Err("its container is gone".to_owned()),
                Ok(Some(found)) => {
                    failures = 0;
                    let state = found.state.unwrap_or_default();
                    match state.status {
                        Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD) => {
                            let code = state.exit_code.unwrap_or_default();
                            let memory =
                                if state.oom_killed == Some(true) { ", since its memory was used up" } else { "" };
                            return Ok((code, format!("exit code {code}{memory}")));
                        }
                        // Its worker has died before it could start it.
                        Some(ContainerStateStatusEnum::CREATED) => {
                            self.engine.remove(&self.id).await;
                            return Err("its container was not started before its worker was gone".to_owned());
                        }
                        _ => {}
                    }
                }
                Err(error) => {
                    failures += 1;
                    if failures > PATIENCE {
                        return Err(format!("what became of its container {} is not known: {error}", self.id));
                    }
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            }
            // Whatever this says, the next look says how it stands.
            let mut waiting = self.engine.docker.wait_container(&self.id, None::<WaitContainerOptions>);
            if matches!(waiting.next().await, Some(Err(bollard::errors::Error::HyperLegacyError { .. }))) {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Passes what a container writes on, until it ends.
async fn follow(engine: Engine, id: String, since: i32, mut stdout: DuplexStream, mut stderr: DuplexStream) {
    let options = LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).since(since).build();
    let mut logs = engine.docker.logs(&id, Some(options));
    while let Some(Ok(part)) = logs.next().await {
        let written = match part {
            LogOutput::StdErr { message } => stderr.write_all(&message).await,
            LogOutput::StdOut { message } | LogOutput::Console { message } => stdout.write_all(&message).await,
            LogOutput::StdIn { .. } => Ok(()),
        };
        if written.is_err() {
            return;
        }
    }
}
