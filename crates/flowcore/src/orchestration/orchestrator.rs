//! The core of flowcore: rules, store and clock together. Embedded programs call it in their own process, the server's
//! handlers call it for everybody else.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;

use super::abandoned::{Probe, is_abandoned};
use super::crashed::crashed;
use super::govern::{Decision, Governed, govern};
use super::policy::FLOW_POLICY;
use super::rule::Facts;
use crate::clock::Clock;
use crate::model::{
    Flow, FlowId, FlowRun, FlowRunId, FlowRunOrigin, Labels, Pauses, ProcessId, Program, RetryPolicy, RunTimes, State,
    StateId, StateName, StateType, TaskRun, TaskRunId, Timestamp,
};
use crate::store::{Store, StoreError, Swap};

/// Rules, store and clock.
#[derive(Clone)]
pub struct Orchestrator {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Flows that are known to be in the store, by name: a run needs its flow's id, and a flow never changes it.
    flows: Arc<Mutex<HashMap<String, FlowId>>>,
}

/// A flow run to be made.
#[derive(Clone, Debug)]
pub struct NewFlowRun {
    /// Names the run.
    pub id: FlowRunId,
    /// The flow, if it is known to be there.
    pub flow_id: Option<FlowId>,
    /// The flow's name; it is made if it is new.
    pub flow_name: String,
    /// The flow's tags.
    pub flow_tags: Vec<String>,
    /// What people call the run.
    pub name: String,
    /// The run's tags.
    pub tags: Vec<String>,
    /// The arguments, as a JSON object.
    pub parameters: Box<RawValue>,
    /// The flow's version.
    pub flow_version: Option<String>,
    /// The task run that stands for this subflow.
    pub parent_task_run_id: Option<TaskRunId>,
    /// The same with all that is known of it, for a store that wants to know it before its subflow.
    pub parent_task_run: Option<Box<TaskRun>>,
    /// How failures are treated.
    pub policy: RetryPolicy,
    /// Key and value pairs for finding it.
    pub labels: Labels,
    /// What it is made from.
    pub origin: FlowRunOrigin,
    /// What rules are to remember of its pauses from the beginning.
    pub pauses: Pauses,
    /// The state that it begins in; PENDING if none is said.
    pub state: Option<State>,
    /// The process that executes it at once. Without one the run is left in its first state.
    pub executor: Option<Executor>,
}

/// Who executes a run, and how to start it again.
#[derive(Clone, Debug)]
pub struct Executor {
    /// The process.
    pub process_id: ProcessId,
    /// The program that the process runs.
    pub program: Option<Program>,
}

/// What became of a proposal.
#[derive(Clone, Debug)]
pub struct RunDecision {
    /// The run as it stands now.
    pub run: FlowRun,
    /// What the rules said.
    pub decision: Decision,
}

impl Orchestrator {
    /// Puts rules over a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Orchestrator { store, clock, flows: Arc::default() }
    }

    /// Gives the store, for reading.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(super) fn state(&self, kind: StateType) -> State {
        State::new(kind, StateId(self.clock.uuid()), self.clock.now())
    }

    async fn flow_id(&self, name: &str, tags: Vec<String>) -> Result<FlowId, StoreError> {
        let known = self.flows.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(id) = known {
            return Ok(id);
        }
        let now = self.clock.now();
        let flow = Flow {
            id: FlowId(self.clock.uuid()),
            name: name.to_owned(),
            tags,
            labels: Labels::new(),
            created: now,
            updated: now,
        };
        let id = self.store.upsert_flow(flow).await?.id;
        self.flows.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), id);
        Ok(id)
    }

    /// Makes a flow run in its first state, and with an executor RUNNING at once, both in one write.
    pub async fn create_flow_run(&self, new: NewFlowRun) -> Result<FlowRun, StoreError> {
        let flow_id = match new.flow_id {
            Some(id) => id,
            None => self.flow_id(&new.flow_name, new.flow_tags).await?,
        };
        let now = self.clock.now();
        let first = new.state.unwrap_or_else(|| self.state(StateType::Pending));
        let mut run = FlowRun {
            id: new.id,
            flow_id,
            flow_name: new.flow_name,
            name: new.name,
            tags: new.tags,
            parameters: new.parameters,
            flow_version: new.flow_version,
            parent_task_run_id: new.parent_task_run_id,
            empirical_policy: new.policy,
            run_count_at_start: 0,
            times: RunTimes::new(first.scheduled_time().unwrap_or(now)),
            state: first.clone(),
            process_id: None,
            program: None,
            labels: new.labels,
            origin: new.origin,
            pauses: new.pauses,
            created: now,
            updated: now,
        };
        // One that begins where others end has begun and ended at once.
        run.times.enter_client_state(None, &first, true);
        let mut states = vec![first];
        if let Some(executor) = new.executor {
            run.process_id = Some(executor.process_id);
            run.program = executor.program;
            if let Decision::Accept(running) = self.judge(&run, self.state(StateType::Running)) {
                self.enter(&mut run, running.clone());
                states.push(running);
            }
        }
        let result = run.clone();
        self.store.insert_flow_run(run, states).await?;
        Ok(result)
    }

    /// Proposes a state for a flow run that the caller knows as `run`. When somebody else has moved it meanwhile, it is
    /// judged as it stands, unless a newer attempt has begun or its process has it no more: then the caller has lost it.
    pub async fn set_flow_run_state(&self, run: &FlowRun, proposed: State) -> Result<RunDecision, StoreError> {
        let (suspended, process) = (proposed.is_suspended(), run.process_id);
        // Meanwhile its process was taken for dead, and it was scheduled for another.
        let lost = |run: &FlowRun| (process.is_some() && run.process_id != process).then_some("the run was taken away");
        self.propose(run.clone(), proposed, lost, |run| {
            if suspended {
                run.process_id = None;
            }
        })
        .await
    }

    /// Puts a flow run into a state whatever the rules say of it.
    pub async fn force_flow_run_state(&self, run: &FlowRun, state: State) -> Result<RunDecision, StoreError> {
        let mut run = run.clone();
        loop {
            let mut next = run.clone();
            self.enter(&mut next, state.clone());
            match self.store.swap_flow_run(next.clone(), run.state.id).await? {
                Swap::Applied => return Ok(RunDecision { run: next, decision: Decision::Accept(state) }),
                Swap::Missing => {
                    return Ok(RunDecision { run, decision: Decision::Abort("the run has been deleted".into()) });
                }
                Swap::Conflict(now) => run = *now,
            }
        }
    }

    /// Lets a process execute a scheduled or pending flow run: PENDING, then RUNNING as a new execution.
    pub async fn claim_flow_run(
        &self,
        run: &FlowRun,
        executor: Executor,
        policy: RetryPolicy,
    ) -> Result<RunDecision, StoreError> {
        let mut claimed = run.clone();
        if run.state.kind == StateType::Scheduled {
            // A run that waits for a retry in its own process is not free.
            let taken = |run: &FlowRun| {
                let other = run.process_id.is_some_and(|process| process != executor.process_id);
                other.then_some("another process has the run")
            };
            let pending = self.propose(run.clone(), self.state(StateType::Pending), taken, |run| {
                run.process_id = Some(executor.process_id);
            });
            let pending = pending.await?;
            if !matches!(pending.decision, Decision::Accept(_)) {
                return Ok(pending);
            }
            claimed = pending.run;
        }
        let mut running = self.state(StateType::Running);
        if run.state.name == StateName::RESUMING {
            running = running.named(StateName::RESUMING);
        }
        self.propose(
            claimed,
            running,
            |_| None,
            |run| {
                run.process_id = Some(executor.process_id);
                run.program = executor.program.clone().or_else(|| run.program.take());
                run.run_count_at_start = run.times.run_count;
                run.empirical_policy = policy.clone();
            },
        )
        .await
    }

    /// Schedules a flow run that has ended without completing for another attempt, due at once.
    pub async fn retry_flow_run(&self, run: &FlowRun) -> Result<RunDecision, StoreError> {
        let state = self.state(StateType::Scheduled).named(StateName::AWAITING_RETRY);
        let due = state.timestamp;
        let state = state.scheduled_for(due).message("Scheduled for another attempt.");
        let not_ended = |run: &FlowRun| (!run.state.is_terminal()).then_some("the run has not ended");
        self.propose(run.clone(), state, not_ended, |run| run.process_id = None).await
    }

    pub(super) async fn propose(
        &self,
        known: FlowRun,
        proposed: State,
        forbid: impl Fn(&FlowRun) -> Option<&'static str>,
        change: impl Fn(&mut FlowRun),
    ) -> Result<RunDecision, StoreError> {
        let attempt = known.times.run_count;
        let mut run = known;
        loop {
            let decision = match forbid(&run) {
                Some(why) => Decision::Abort(why.into()),
                None => self.judge(&run, proposed.clone()),
            };
            let (Decision::Accept(state) | Decision::Reject(state, _)) = &decision else {
                return Ok(RunDecision { run, decision });
            };
            let expected = run.state.id;
            let mut next = run.clone();
            change(&mut next);
            self.enter(&mut next, state.clone());
            match self.store.swap_flow_run(next.clone(), expected).await? {
                Swap::Applied => return Ok(RunDecision { run: next, decision }),
                Swap::Missing => {
                    // As it stood: it has not entered the state.
                    return Ok(RunDecision { run, decision: Decision::Abort("the run has been deleted".into()) });
                }
                Swap::Conflict(now) if now.times.run_count > attempt => {
                    return Ok(RunDecision {
                        run: *now,
                        decision: Decision::Abort("a newer attempt of the run has begun".into()),
                    });
                }
                Swap::Conflict(now) => run = *now,
            }
        }
    }

    fn judge(&self, run: &FlowRun, proposed: State) -> Decision {
        let governed = Governed {
            state: Some(&run.state),
            times: &run.times,
            policy: &run.empirical_policy,
            run_count_at_start: run.run_count_at_start,
            executed: run.process_id.is_some(),
            facts: Facts::default(),
        };
        let (now, random) = (self.clock.now(), self.clock.random());
        govern(FLOW_POLICY, governed, proposed, now, random, || StateId(self.clock.uuid()))
    }

    fn enter(&self, run: &mut FlowRun, mut state: State) {
        state.keep_slot_lease(&run.state);
        run.times.enter(Some(&run.state), &state);
        run.state = state;
        run.updated = self.clock.now();
    }

    /// Finds the flow runs whose process has died, marks them and their unfinished task runs as Crashed, and returns
    /// them. A paused one becomes Suspended instead: whoever is to resume it can still do so. `probe` looks at a process's proof of life.
    pub async fn crash_abandoned_runs(&self, probe: &dyn Probe) -> Result<Vec<FlowRun>, StoreError> {
        // Runs before leases: a process keeps its lease before its first run, so that the lease of each run listed here
        // is among those listed then, unless its process has given it up.
        let runs = self.store.active_flow_runs().await?;
        let leases = self.store.processes().await?;
        let now = self.clock.now();
        // Each proof is looked at once: a process has one.
        let dead: BTreeMap<ProcessId, bool> =
            leases.iter().map(|lease| (lease.id, is_abandoned(Some((lease, probe.look(lease))), now))).collect();
        let mut crashed = Vec::new();
        for run in runs {
            let Some(process) = run.process_id else { continue };
            let abandoned = dead.get(&process).copied().unwrap_or_else(|| is_abandoned(None, now));
            if abandoned && let Some(run) = self.crash(run, now).await? {
                crashed.push(run);
            }
        }
        let dead: Vec<ProcessId> = dead.into_iter().filter_map(|(id, dead)| dead.then_some(id)).collect();
        // Before the lease and its proof: should this process die between, the next look finds them again.
        self.store.remove_slots_of(&dead).await?;
        for lease in leases.iter().filter(|lease| dead.contains(&lease.id)) {
            self.store.remove_process(lease.id).await?;
            probe.bury(lease);
        }
        Ok(crashed)
    }

    async fn crash(&self, run: FlowRun, now: Timestamp) -> Result<Option<FlowRun>, StoreError> {
        const WHY: &str = "The process that executed the run has died.";
        // Task runs first: should this process die between the two writes, the run is found again.
        let attempt = run.times.run_count;
        self.store.end_task_runs(run.id, attempt, self.state(StateType::Crashed).message(WHY), now).await?;
        let end = match run.state.kind {
            StateType::Cancelling => self.state(StateType::Cancelled).message(WHY),
            // Whoever is to resume it can still do so.
            StateType::Paused => self.suspended(&run.state),
            _ => crashed(&run, self.state(StateType::Crashed).message(WHY)),
        };
        let decided = self.set_flow_run_state(&run, end).await?;
        Ok(matches!(decided.decision, Decision::Accept(_)).then_some(decided.run))
    }
}
