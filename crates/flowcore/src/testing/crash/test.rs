//! The test itself: runs of the flow, each with other kills.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use tokio::runtime::Handle;

use super::aftermath::Aftermath;
use super::plan::Plan;
use super::process::{Answer, End, Process, Remains};
use super::report::CrashReport;
use crate::engine::bounds::Volatile;
use crate::engine::error::{Error, Result};
use crate::engine::flow_call::{AnyFlowCall, FlowCall};
use crate::model::{FlowRun, StateName, StateType, TaskRun};
use crate::results::Storage;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::testing::clock::beginning;
use crate::testing::engine::TestEngine;
use crate::testing::injection::{Injection, Injections, Pace};

/// Prepares a crash test of a flow: [`survives`](CrashTest::survives) runs it.
///
/// `world` makes what the flow works on outside of its process and what therefore outlives that: a folder, an account, a fake
/// of a service. Each run of the flow gets one of its own. `call` makes the flow's call; it is asked once for each process.
pub fn crash_test<'a, W, T: Volatile>(
    world: impl Fn() -> W + 'a,
    call: impl Fn(&W) -> FlowCall<T> + 'a,
) -> CrashTest<'a, W> {
    CrashTest {
        world: Box::new(world),
        call: Box::new(move |world| call(world).into()),
        store: Box::new(|| Arc::new(MemoryStore::new())),
        seeds: 0,
        only: None,
        answer: None,
        injections: Vec::new(),
    }
}

/// A crash test that has not run.
///
/// The flow is run again and again. Each time its process is killed at another moment: first before its first write to the
/// store, then behind it, then before its second write, and so on, until it ends before anybody kills it. Each time a new
/// process finds what is left, as the next start of the program would, and goes on, until the flow run is over.
#[must_use = "a crash test does nothing until `survives` is called"]
pub struct CrashTest<'a, W> {
    world: Box<dyn Fn() -> W + 'a>,
    call: Box<dyn Fn(&W) -> AnyFlowCall + 'a>,
    store: Box<dyn Fn() -> Arc<dyn Store> + 'a>,
    seeds: u64,
    only: Option<Plan>,
    answer: Option<Answer>,
    injections: Vec<Injection>,
}

/// How one run of the flow has gone.
struct Trial<W> {
    world: W,
    remains: Remains,
    run: FlowRun,
    kills: Vec<String>,
}

/// What must be the same with kills and without.
struct Expected {
    end: (StateType, String),
    moments: u64,
}

impl<'a, W> CrashTest<'a, W> {
    /// Runs the flow so many times more, each time with up to four kills at moments that come of a seed, and with task
    /// functions that take times which come of it. The seeds are the numbers from 1.
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// Kills at this moment only: 1 is before the first write, 2 behind it, 3 before the second. The message of a failed test
    /// names it. `FLOWCORE_TEST_CRASH_AT` in the environment does the same.
    pub fn only_at(mut self, moment: u64) -> Self {
        self.only = Some(Plan::At(moment));
        self
    }

    /// Kills at the moments that come of this seed only. The message of a failed test names it. `FLOWCORE_TEST_CRASH_SEED` in
    /// the environment does the same.
    pub fn only_seed(mut self, seed: u64) -> Self {
        self.only = Some(Plan::Seed(seed));
        self
    }

    /// Makes the store of each run of the flow; it is one in memory otherwise. The store must be empty.
    pub fn on(mut self, store: impl Fn() -> Arc<dyn Store> + 'a) -> Self {
        self.store = Box::new(store);
        self
    }

    /// Lets somebody come whenever the flow is paused or suspended, and tell it this. A pause that takes no input is just ended.
    pub fn answer<A: Serialize>(mut self, answer: impl Fn(&FlowRun) -> A + Send + Sync + 'static) -> Self {
        self.answer = Some(Arc::new(move |run| Ok(serde_json::to_value(answer(run))?)));
        self
    }

    /// Lets something happen to executions of a task, in each run of the flow. Executions are counted over its processes.
    pub fn inject(mut self, injection: Injection) -> Self {
        self.injections.push(injection);
        self
    }

    /// Runs the test: whenever the flow has ended, the invariant has to hold. It may fail by an assertion or by an error.
    ///
    /// Besides, the flow run has to end in the same state as without kills, and nothing of it may look as if it went on.
    ///
    /// # Panics
    ///
    /// Something does not hold: the message says when processes were killed, and how to do exactly that again. Or this was called
    /// inside of a runtime: a process is a runtime of its own here, so that the test is a plain `#[test]`.
    #[track_caller]
    pub fn survives(self, invariant: impl AsyncFn(&Aftermath<W>) -> Result<()>) -> CrashReport {
        assert!(
            Handle::try_current().is_err(),
            "a crash test is no async function: a plain `#[test]` calls it, since each process gets a runtime of its own"
        );
        let chosen = Plan::from_lookup(|name| std::env::var(name).ok()).unwrap_or_else(|error| panic!("{error}"));
        let mut report = CrashReport::default();
        let undisturbed = self.examined(Plan::Undisturbed, None, &invariant, &mut report);
        let expected = Some(&undisturbed);
        if let Some(plan) = chosen.or(self.only) {
            self.examined(plan, expected, &invariant, &mut report);
            return report;
        }
        for moment in 1.. {
            let before = report.kills;
            self.examined(Plan::At(moment), expected, &invariant, &mut report);
            if report.kills == before {
                break;
            }
        }
        for seed in 1..=self.seeds {
            self.examined(Plan::Seed(seed), expected, &invariant, &mut report);
        }
        report
    }

    /// Runs the flow with these kills, and looks whether all holds.
    #[track_caller]
    fn examined(
        &self,
        plan: Plan,
        expected: Option<&Expected>,
        invariant: &impl AsyncFn(&Aftermath<W>) -> Result<()>,
        report: &mut CrashReport,
    ) -> Expected {
        let moments = expected.map_or(0, |expected| expected.moments);
        let trial = match self.run(plan, moments) {
            Ok(trial) => trial,
            Err((kills, error)) => fails(plan, &kills, format!("{error:?}")),
        };
        report.runs += 1;
        report.kills += trial.kills.len() as u64;
        report.moments = report.moments.max(if plan == Plan::Undisturbed { trial.remains.moments } else { 0 });
        let end = (trial.run.state.kind, trial.run.state.name.to_string());
        if let Some(Expected { end: expected, .. }) = expected.filter(|expected| expected.end != end) {
            let message = trial.run.state.message.clone().unwrap_or_default();
            fails(plan, &trial.kills, format!("its run ends {} instead of {} ({message})", end.1, expected.1));
        }
        let (kills, moments) = (trial.kills.clone(), trial.remains.moments);
        match catch_unwind(AssertUnwindSafe(|| trial.look(expected.is_some(), invariant))) {
            Ok(Ok(())) => Expected { end, moments },
            Ok(Err(error)) => fails(plan, &kills, format!("{error:?}")),
            Err(panic) => fails(plan, &kills, text(&*panic)),
        }
    }

    /// Runs the flow to its end, over as many processes as it takes.
    fn run(&self, plan: Plan, moments: u64) -> std::result::Result<Trial<W>, (Vec<String>, Error)> {
        let pace = plan.seed().map_or(Pace::Even, Pace::random);
        let injections = Injections::paced(pace);
        self.injections.iter().for_each(|injection| injections.add(injection.clone()));
        let mut remains = Remains {
            store: (self.store)(),
            storage: Storage::memory(),
            injections: Arc::new(injections),
            time: beginning(),
            seed: plan.seed().unwrap_or_default(),
            moments: 0,
            answer: self.answer.clone(),
        };
        let world = (self.world)();
        let mut kills = Vec::new();
        let mut planned = plan.kills(moments).into_iter();
        let mut next = planned.next();
        loop {
            let before = remains.moments;
            let end = Process::start(&remains, next).live(&mut remains, (self.call)(&world));
            match end {
                Err(error) => return Err((kills, error)),
                Ok(End::Killed(story)) => {
                    kills.push(story);
                    next = planned.next();
                }
                Ok(End::Ended(run)) if run.state.is_suspended() => {
                    // The next process goes on in the same run, and so does the way to the next kill.
                    next = next.map(|moment| moment - (remains.moments - before));
                }
                Ok(End::Ended(run)) => return Ok(Trial { world, remains, run: *run, kills }),
            }
        }
    }
}

impl<W> Trial<W> {
    /// Looks whether all is well, from a process that comes behind.
    fn look(self, was_killed: bool, invariant: &impl AsyncFn(&Aftermath<W>) -> Result<()>) -> Result<()> {
        let Trial { world, run, kills, remains } = self;
        Process::start(&remains, None).look(async |engine| {
            if was_killed {
                nothing_goes_on(&engine).await?;
            }
            invariant(&Aftermath { world, run, kills, engine }).await
        })
    }
}

/// Finds a run that looks as if somebody executed it.
async fn nothing_goes_on(engine: &TestEngine) -> Result<()> {
    let goes_on = |run: &TaskRun| !run.state.is_terminal() && run.state.name != StateName::NOT_READY;
    let flow_runs = engine.flow_runs().await.into_iter().filter(|run| !run.state.is_terminal());
    let task_runs = engine.task_runs().await.into_iter().filter(goes_on);
    let open = flow_runs.map(|run| (run.name, run.state.name)).chain(task_runs.map(|run| (run.name, run.state.name)));
    match open.map(|(name, state)| format!("'{name}' is {state}")).reduce(|all, one| format!("{all}, {one}")) {
        None => Ok(()),
        Some(open) => Err(Error::msg(format!("when the flow has ended, {open}"))),
    }
}

/// Ends the test, and says how to do exactly this again.
#[track_caller]
fn fails(plan: Plan, kills: &[String], what: String) -> ! {
    let story = if kills.is_empty() { "without a kill".into() } else { format!("killed {}", kills.join(", then ")) };
    panic!("the flow does not survive, {story}: {what}\nto see exactly this again, {plan}")
}

/// Gives the text of a panic.
fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "a panic".to_owned())
}

impl<W> fmt::Debug for CrashTest<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashTest").field("seeds", &self.seeds).field("only", &self.only).finish_non_exhaustive()
    }
}
