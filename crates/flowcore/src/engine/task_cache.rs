//! A task's cached result: its key, and the look for it.

use super::cache_policy::CacheContext;
use super::codec::Value;
use super::context::Scope;
use super::core::Engine;
use super::error::Error;
use super::journal::Entry;
use super::task_call::Call;
use crate::model::{State, StateData, StateName, StateType, Timestamp};
use crate::results::KeyGuard;

/// What the look for a cached result came to.
pub(crate) enum Cached {
    /// It is there; the state that the run completes in.
    Hit(Value, Box<State>),
    /// It is not; under which key it is to be cached, if it is to be cached at all.
    Miss(Option<Caching>),
}

/// Under which key the result is to be cached; nobody else computes it while the guard lives.
pub(crate) struct Caching {
    pub(crate) key: String,
    pub(crate) expiration: Option<Timestamp>,
    _guard: Option<KeyGuard>,
}

/// Computes the call's cache key and looks it up.
pub(crate) async fn look_up(engine: &Engine, call: &Call, scope: &Scope, entry: &Entry) -> Result<Cached, Error> {
    let options = call.options();
    let names = call.definition.site.parameters;
    let mut digests = Vec::with_capacity(names.len());
    call.job.digest(&mut |nth, digest| digests.extend(names.get(nth).map(|name| (*name, digest))))?;
    let arguments = call.job.arguments(names);
    let flow = scope.flow();
    let key = options.cache.key_of(&CacheContext {
        task_key: call.definition.site.key,
        arguments: &arguments,
        flow_run_id: flow.map(|flow| flow.id),
        flow_parameters: flow.map(|flow| flow.parameters.get()),
        digests: &digests,
        source_hash: call.definition.site.source_hash,
    });
    let Some(key) = key else { return Ok(Cached::Miss(None)) };
    entry.change(|run| run.cache_key = Some(key.clone()));
    let keeping = call.keeping(engine);
    let guard = if options.cache.is_isolated() { Some(keeping.lock(&key).await?) } else { None };
    if !options.refresh_cache
        && let Some((value, record)) = keeping.look_up(&key).await
    {
        let state = engine.state(StateType::Completed).named(StateName::CACHED);
        let mut state = state.message("The result came from the cache.");
        state.details_mut().cache_key = Some(key);
        state.data = Some(Box::new(StateData::Stored { record: Box::new(record) }));
        return Ok(Cached::Hit(value, Box::new(state)));
    }
    let expiration = options.cache_expiration.and_then(|valid| chrono::TimeDelta::from_std(valid).ok());
    let expiration = expiration.and_then(|valid| engine.0.clock.now().checked_add_signed(valid));
    Ok(Cached::Miss(Some(Caching { key, expiration, _guard: guard })))
}
