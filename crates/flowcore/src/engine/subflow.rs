//! A flow called inside a flow, here or as a run of a deployment: the task run in the parent that stands for it.

use std::sync::Arc;

use super::calls::Occurrence;
use super::context::Scope;
use super::core::Engine;
use super::entry::Entry;
use super::error::{Error, RunError};
use super::flow_call::FlowCallParts;
use super::settled::Settled;
use super::tags::add_tags;
use crate::model::{
    FlowRunFilter, FlowRunId, InputDigest, Labels, Page, RetryPolicy, RunTimes, State, StateType, TaskInput,
    TaskInputs, TaskRun, TaskRunId, Text,
};

/// The task run that stands for a subflow in its parent.
pub(crate) struct Parent {
    /// The parent's engine, which keeps the task run. The subflow itself may be on another one.
    engine: Engine,
    entry: Arc<Entry>,
    /// The run of the same call in an earlier attempt of the parent.
    pub(crate) earlier_run: Option<FlowRunId>,
}

/// What a task run tells of the call that it stands for.
pub(crate) struct Called {
    pub(crate) key: &'static str,
    /// Tells calls apart by what they were given.
    pub(crate) digest: InputDigest,
    /// What its name begins with.
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) tags: Vec<String>,
}

impl Parent {
    /// Makes the task run of a call, or takes that of an earlier attempt; none outside a flow. `child` is the subflow's
    /// engine.
    pub(crate) async fn of(
        child: &Engine,
        scope: &Scope,
        call: &FlowCallParts,
        task_inputs: TaskInputs,
    ) -> Result<Option<Parent>, Error> {
        if scope.flow().is_none() {
            return Ok(None);
        }
        let key = call.definition.site.key;
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.as_bytes());
        call.job.digest_all(&mut hasher)?;
        let common = &call.options().common;
        let called = Called {
            key,
            digest: InputDigest(*hasher.finalize().as_bytes()),
            name: call.name(),
            version: common.version.clone(),
            tags: common.tags.clone(),
        };
        Parent::standing(child, scope, called, task_inputs).await
    }

    /// Makes the task run that stands for something that was called, likewise.
    pub(crate) async fn standing(
        child: &Engine,
        scope: &Scope,
        called: Called,
        mut task_inputs: TaskInputs,
    ) -> Result<Option<Parent>, Error> {
        let Some(flow) = scope.flow() else { return Ok(None) };
        let Called { key, digest, name, version, mut tags } = called;
        let engine = scope.engine().await?;
        let pending = engine.state(StateType::Pending);
        if let Some(task) = scope.task() {
            task_inputs.insert(Text::Borrowed("__parents__"), vec![TaskInput::TaskRun { id: task.id }]);
        }
        let Occurrence { dynamic_key, number, earlier } = flow.occur(key, Some(digest), || None);
        if let Some(mut run) = earlier {
            let filter = FlowRunFilter {
                parent_task_run_ids: Some(vec![run.id]),
                page: Page::first(1),
                ..FlowRunFilter::default()
            };
            let earlier_run = child.0.client.flow_runs(&filter).await?.first().map(|run| run.id);
            let states = engine.0.client.task_run_states(run.id).await?;
            run.attempt = flow.attempt;
            let completed = run.state.is_completed();
            let entry = Entry::adopted(run, states.len());
            if !completed {
                engine.0.journal.enter(&entry, pending);
            }
            return Ok(Some(Parent { engine, entry, earlier_run }));
        }
        add_tags(&mut tags, scope.tags().list());
        let entry = Entry::new(
            TaskRun {
                id: TaskRunId(engine.0.clock.uuid()),
                flow_run_id: Some(flow.id),
                attempt: flow.attempt,
                task_key: Text::Borrowed(key),
                dynamic_key: dynamic_key.unwrap_or_default(),
                name: format!("{name}-{number}"),
                task_version: version.map(Text::Owned),
                tags,
                inputs_digest: Some(digest),
                task_inputs,
                empirical_policy: RetryPolicy::default(),
                cache_key: None,
                times: RunTimes::new(pending.timestamp),
                state: pending,
                labels: Labels::new(),
                created: None,
            },
            1,
            0,
        );
        engine.0.journal.note(&entry);
        Ok(Some(Parent { engine, entry, earlier_run: None }))
    }

    pub(crate) fn id(&self) -> TaskRunId {
        self.entry.with(|run| run.id)
    }

    /// Gives the run as it stands.
    pub(crate) fn task_run(&self) -> TaskRun {
        self.entry.with(TaskRun::clone)
    }

    /// Gives the result if the same call completed in an earlier attempt.
    pub(crate) async fn finished(&self, child: &Engine, call: &FlowCallParts) -> Option<Settled> {
        let state = self.entry.with(|run| run.state.clone());
        if !state.is_completed() {
            return None;
        }
        let value = call.keeping(child).load(&state).await?;
        Some(Settled { state: Some(state), result: Ok(value) })
    }

    /// Notes that the subflow runs.
    pub(crate) fn running(&self, child: FlowRunId) {
        self.enter(child, self.engine.state(StateType::Running));
    }

    /// Notes how the subflow ended.
    pub(crate) fn ended(&self, child: FlowRunId, end: &State) {
        let mut state = self.engine.state(end.kind).named(end.name.clone());
        state.message.clone_from(&end.message);
        state.data.clone_from(&end.data);
        self.enter(child, state);
    }

    /// Notes that the subflow could not be orchestrated, so that nobody knows how it ended.
    pub(crate) fn lost(&self, error: &RunError) {
        let state = self.engine.state(StateType::Crashed).message(format!("{error:?}"));
        self.engine.0.journal.enter(&self.entry, state);
    }

    fn enter(&self, child: FlowRunId, mut state: State) {
        state.details_mut().child_flow_run_id = Some(child);
        self.engine.0.journal.enter(&self.entry, state);
    }
}
