//! The journal's entry of a task run: a new one, or that of an earlier attempt of its flow run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asset::TaskAssets;
use super::calls::Occurrence;
use super::codec::Value;
use super::context::Scope;
use super::core::Engine;
use super::digest::DigestError;
use super::entry::Entry;
use super::error::Error;
use super::names::fill;
use super::panics::Panicked;
use super::settled::{Promise, Settled};
use super::tags::add_tags;
use super::task_call::Call;
use super::task_engine::unorchestrated;
use super::transaction::StagedTask;
use crate::model::{
    InputDigest, Labels, RunTimes, State, StateId, StateName, StateType, TaskInput, TaskInputs, TaskRun, TaskRunId,
    Text,
};
use crate::orchestration::{Decision, Facts, Governed, TASK_POLICY, govern};
use crate::results::CachedCall;

/// Hashes the task's key and its arguments: what finds the run of the same call in an earlier attempt.
pub(crate) fn digest(call: &Call) -> Result<InputDigest, DigestError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(call.definition.site.key.as_bytes());
    call.job.digest_all(&mut hasher)?;
    Ok(InputDigest(*hasher.finalize().as_bytes()))
}

/// Hashes the task's key, the arguments that are known without the runs that others come from, and those runs: what finds
/// the run of the same call in an earlier attempt that never had its arguments. Before and behind the arguments' arrival it
/// is the same.
pub(crate) fn known_digest(call: &Call, edges: &TaskInputs) -> Option<InputDigest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(call.definition.site.key.as_bytes());
    let names = call.definition.site.parameters;
    let mut add = |nth: usize, digest: [u8; 32]| {
        if !names.get(nth).is_some_and(|name| edges.contains_key(*name)) {
            hasher.update(&nth.to_le_bytes());
            hasher.update(&digest);
        }
    };
    // The arguments' own code may panic. Without a digest the call has no earlier run.
    Panicked::catch(|| call.job.digest(&mut add)).ok()?.ok()?;
    hasher.update(&serde_json::to_vec(edges).ok()?);
    Some(InputDigest(*hasher.finalize().as_bytes()))
}

/// Fills a template for a call; arguments that are not known stay as `{argument}`.
pub(crate) fn fill_for(call: &Call, scope: &Scope, template: &str) -> String {
    let arguments = call.job.arguments(call.definition.site.parameters);
    let flow_run_id = scope.flow().map(|flow| flow.id.to_string()).unwrap_or_default();
    let more = [
        ("task_name", call.name()),
        ("flow_run_id", flow_run_id.as_str()),
        ("flow_name", scope.flow().map_or("", |flow| flow.flow_name.as_str())),
        ("flow_run_name", scope.flow().map_or("", |flow| flow.name.as_str())),
    ];
    fill(template, &arguments, &more)
}

/// Takes the result of the same call in an earlier attempt, if it completed and its result can be read.
pub(crate) async fn adopt(
    engine: &Engine,
    scope: &Scope,
    call: &Call,
    earlier: &TaskRun,
    assets: Option<&Arc<TaskAssets>>,
    promise: Option<&Promise>,
) -> Option<Settled> {
    if !earlier.state.is_completed() || earlier.state.is_rolled_back() || call.options().refresh_cache {
        return None;
    }
    let value = call.keeping(engine).load(&earlier.state).await?;
    if let Some(promise) = promise {
        promise.identify(TaskInput::TaskRun { id: earlier.id });
    }
    if let Some(assets) = assets {
        assets.hand_on(scope, earlier.id);
    }
    if let Err(error) = stage_again(engine, scope, call, earlier, assets, &value).await {
        return Some(unorchestrated(&earlier.name, error));
    }
    Some(Settled { state: Some(earlier.state.clone()), result: Ok(value) })
}

/// Lets a task that has completed in an earlier attempt take part in the transaction around its call, or be committed alone,
/// unless that has been done.
async fn stage_again(
    engine: &Engine,
    scope: &Scope,
    call: &Call,
    earlier: &TaskRun,
    assets: Option<&Arc<TaskAssets>>,
    value: &Value,
) -> Result<(), Error> {
    let hooked = call.hooked();
    let open = !earlier.state.is_transaction_committed() && earlier.state.name != StateName::CACHED;
    if !open || (hooked.is_none() && scope.transaction().is_none()) {
        return Ok(());
    }
    let states = engine.0.client.task_run_states(earlier.id).await?;
    let attempt = scope.flow().map_or(0, |flow| flow.attempt);
    let entry = Entry::adopted(TaskRun { attempt, ..earlier.clone() }, states.len());
    let hooks = hooked.map(|hooked| (hooked, value.clone()));
    let assets = assets.cloned();
    let mut staged = StagedTask { entry, name: call.name().to_owned(), hooks, assets, cache: None };
    let Some(transaction) = scope.transaction() else { return staged.commit_alone(engine, scope).await };
    if let Some(details) = &earlier.state.details
        && let Some(key) = &details.cache_key
    {
        // Which arguments the earlier attempt had is in its key only.
        let made_of = CachedCall { task_key: earlier.task_key.to_string(), parts: BTreeMap::new() };
        let entry = call.keeping(engine).cache_entry(value, key, details.cache_expiration, made_of)?;
        staged.cache = Some(Arc::new(entry));
    }
    transaction.add_task(staged);
    Ok(())
}

/// Applies the rules to a state that is proposed for a run, and enters what they allow.
pub(crate) fn propose(engine: &Engine, entry: &Arc<Entry>, run_count_at_start: i32, proposed: State) -> Decision {
    let clock = &engine.0.clock;
    let decision = entry.with(|run| {
        let governed = Governed {
            state: Some(&run.state),
            times: &run.times,
            policy: &run.empirical_policy,
            run_count_at_start,
            executed: true,
            facts: Facts::default(),
        };
        let now = proposed.timestamp;
        govern(TASK_POLICY, governed, proposed, now, clock.random(), || StateId(clock.uuid()))
    });
    if let Decision::Accept(state) | Decision::Reject(state, _) = &decision {
        engine.0.journal.enter(entry, state.clone());
    }
    decision
}

/// Takes the journal's entry of a run that did not complete in an earlier attempt.
pub(crate) async fn take_entry(
    engine: &Engine,
    scope: &Scope,
    call: &Call,
    mut run: TaskRun,
    occurrence: Occurrence,
    digest: Option<InputDigest>,
    task_inputs: TaskInputs,
) -> Result<Arc<Entry>, Error> {
    let states = engine.0.client.task_run_states(run.id).await?;
    run.attempt = scope.flow().map_or(0, |flow| flow.attempt);
    run.empirical_policy = call.options().common.retry_policy();
    run.task_inputs = task_inputs;
    if let (None, Some(dynamic_key)) = (run.inputs_digest, occurrence.dynamic_key) {
        // It has its arguments at last.
        run.dynamic_key = dynamic_key;
        run.inputs_digest = digest;
        if let Some(template) = &call.options().task_run_name {
            run.name = fill_for(call, scope, template);
        }
    }
    let entry = Entry::adopted(run, states.len());
    engine.0.journal.enter(&entry, engine.state(StateType::Pending));
    Ok(entry)
}

/// Makes the journal's entry of a new run, in PENDING.
pub(crate) fn make_entry(
    engine: &Engine,
    scope: &Scope,
    call: &Call,
    occurrence: Occurrence,
    digest: Option<InputDigest>,
    task_inputs: TaskInputs,
) -> Arc<Entry> {
    let options = call.options();
    let pending = engine.state(StateType::Pending);
    let name = match &options.task_run_name {
        // The arguments' own code may panic.
        Some(template) => Panicked::catch(|| fill_for(call, scope, template)).unwrap_or_else(|_| template.clone()),
        None => format!("{}-{}", call.name(), occurrence.number),
    };
    let mut tags = options.common.tags.clone();
    if let Some(flow) = scope.flow() {
        add_tags(&mut tags, &flow.tags);
    }
    add_tags(&mut tags, scope.tags().list());
    let around = scope.task().filter(|_| call.is_part_of_map());
    let run = TaskRun {
        id: around.map_or_else(|| TaskRunId(engine.0.clock.uuid()), |map| map.id),
        flow_run_id: scope.flow().map(|flow| flow.id),
        attempt: scope.flow().map_or(0, |flow| flow.attempt),
        task_key: Text::Borrowed(call.definition.site.key),
        dynamic_key: occurrence.dynamic_key.unwrap_or_else(|| engine.0.clock.uuid().simple().to_string()),
        name,
        task_version: options.common.version.clone().map(Text::Owned),
        tags,
        inputs_digest: digest,
        task_inputs,
        empirical_policy: options.common.retry_policy(),
        cache_key: None,
        times: RunTimes::new(pending.timestamp),
        state: pending,
        labels: Labels::new(),
        created: None,
    };
    if call.is_part_of_map() {
        return Entry::unrecorded(run);
    }
    let entry = Entry::new(run, 1, 0);
    engine.0.journal.note(&entry);
    entry
}
