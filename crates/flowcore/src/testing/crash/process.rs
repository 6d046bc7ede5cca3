//! One process of a crash test: a runtime with an engine, from its start until the flow has ended or it is killed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::death::Death;
use crate::engine::control::resume_flow_run;
use crate::engine::error::{Error, Result};
use crate::engine::flow_call::AnyFlowCall;
use crate::model::{FlowRun, FlowRunFilter, Page, ProcessLease, StateType, Timestamp};
use crate::orchestration::{Liveness, Probe};
use crate::results::Storage;
use crate::store::Store;
use crate::testing::engine::{Making, TestEngine};
use crate::testing::faulty_store::FaultyStore;
use crate::testing::injection::Injections;

/// How much later the next process starts.
const RESTART: Duration = Duration::from_secs(1);

/// Makes what a flow run is told that waits for somebody.
pub(super) type Answer = Arc<dyn Fn(&FlowRun) -> Result<Value> + Send + Sync>;

/// What outlives the processes of one run of a crash test.
pub(super) struct Remains {
    pub(super) store: Arc<dyn Store>,
    pub(super) storage: Storage,
    pub(super) injections: Arc<Injections>,
    /// When the next process starts.
    pub(super) time: Timestamp,
    pub(super) seed: u64,
    /// How many moments before and after writes the processes have lived through.
    pub(super) moments: u64,
    /// None if nobody comes.
    pub(super) answer: Option<Answer>,
}

/// How a process came to its end.
pub(super) enum End {
    /// At this moment.
    Killed(String),
    /// By itself, when the flow run was over or suspended.
    Ended(Box<FlowRun>),
}

/// A runtime that is a process, with its engine.
pub(super) struct Process {
    runtime: Runtime,
    engine: TestEngine,
    death: Arc<Death>,
}

impl Process {
    /// Starts a process that is killed at this moment, if it gets there.
    pub(super) fn start(remains: &Remains, at: Option<u64>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("a crash test cannot have a runtime: {error}"));
        let (engine, death) = {
            let _inside = runtime.enter();
            let death = Arc::new(Death::of_this_process(at));
            let engine = TestEngine::make(Making {
                store: FaultyStore::mortal(remains.store.clone(), death.clone()),
                storage: remains.storage.clone(),
                injections: remains.injections.clone(),
                start: remains.time,
                seed: remains.seed,
                alone: true,
            });
            (engine, death)
        };
        Process { runtime, engine, death }
    }

    /// Runs the flow until it has ended or the process is killed. Then nothing is left of the process: the threads of its
    /// plain functions are waited for.
    pub(super) fn live(self, remains: &mut Remains, call: AnyFlowCall) -> Result<End> {
        let answer = remains.answer.clone();
        let (death, engine) = (self.death.clone(), Arc::new(self.engine));
        let end = self.runtime.block_on(async {
            let program = tokio::spawn({
                let engine = engine.clone();
                async move { program(&engine, call, answer).await }
            });
            tokio::select! {
                biased;
                story = death.happens() => Ok(End::Killed(story)),
                run = program => {
                    Ok(End::Ended(Box::new(run.map_err(Error::from)??)))
                }
            }
        });
        remains.time = engine.now() + RESTART;
        remains.moments += death.moments();
        end
    }

    /// Lets somebody look at what is left.
    pub(super) fn look<T>(self, look: impl AsyncFnOnce(TestEngine) -> T) -> T {
        self.runtime.block_on(look(self.engine))
    }
}

/// Says of every process that it has died.
struct AllDead;

impl Probe for AllDead {
    fn look(&self, _: &ProcessLease) -> Liveness {
        Liveness::Dead
    }
}

/// What a process does: it looks for what dead ones have left, goes on with it or begins, and closes its engine.
async fn program(engine: &TestEngine, call: AnyFlowCall, answer: Option<Answer>) -> Result<FlowRun> {
    engine.client().crash_abandoned_runs(&AllDead).await?;
    let flow = call.name();
    let run = match find(engine, &flow).await? {
        Some(run) if has_ended(&run) => run,
        found => {
            if let Some(run) = &found {
                answer_to(engine, run, answer.as_ref()).await?;
            }
            let settled = tokio::select! {
                biased;
                settled = call.execute(found.map(|run| run.id), engine) => settled,
                failed = answer_pauses(engine, &flow, answer.as_ref()) => return Err(failed),
            };
            match (find(engine, &flow).await?, settled.result) {
                (Some(run), _) => run,
                (None, Err(error)) => return Err(error.into()),
                (None, Ok(_)) => return Err(Error::msg(format!("the run of `{flow}` has been deleted"))),
            }
        }
    };
    engine.close().await?;
    Ok(run)
}

/// Finds the run of the flow that was called; runs of the same flow as a subflow are others.
async fn find(engine: &TestEngine, flow: &str) -> Result<Option<FlowRun>> {
    let filter = FlowRunFilter { flow_names: Some(vec![flow.to_owned()]), page: Page::ALL, ..FlowRunFilter::default() };
    let runs = engine.client().flow_runs(&filter).await?;
    Ok(runs.into_iter().rfind(|run| run.parent_task_run_id.is_none()))
}

/// Tells whether a run is over, by itself and not by the death of its process.
fn has_ended(run: &FlowRun) -> bool {
    run.state.is_terminal() && run.state.kind != StateType::Crashed
}

/// Answers whenever the flow waits in its process, and returns when that fails.
async fn answer_pauses(engine: &TestEngine, flow: &str, answer: Option<&Answer>) -> Error {
    let mut seen = 0;
    loop {
        seen = engine.store().written_behind(seen).await;
        let answered = async {
            match find(engine, flow).await? {
                Some(run) if !run.state.is_suspended() => answer_to(engine, &run, answer).await,
                _ => Ok(()),
            }
        };
        if let Err(error) = answered.await {
            return error;
        }
    }
}

/// Lets a run go on that waits for somebody; others are left alone.
async fn answer_to(engine: &TestEngine, run: &FlowRun, answer: Option<&Answer>) -> Result<()> {
    if run.state.kind != StateType::Paused {
        return Ok(());
    }
    let details = run.state.details.as_deref().cloned().unwrap_or_default();
    let resume = resume_flow_run(engine, run.id);
    match answer {
        Some(answer) if details.input_schema.is_some() => resume.input(answer(run)?).await?,
        Some(_) => resume.await?,
        // It goes on when its time is over.
        None if details.pause_timeout.is_some() && !run.state.is_suspended() => return Ok(()),
        None => {
            return Err(Error::msg(format!(
                "the flow run is {} and nobody comes: say by `.answer(..)` what it is told",
                run.state.name
            )));
        }
    };
    Ok(())
}
