//! A task's cached result: its key, and the look for it.

use std::sync::Arc;

use super::cache_policy::{CacheContext, CacheKey};
use super::codec::Value;
use super::context::Scope;
use super::core::Engine;
use super::entry::Entry;
use super::error::Error;
use super::persist::Keeping;
use super::task_call::Call;
use super::transaction::{CacheEntry, Place, Transaction};
use crate::model::{State, StateData, StateName, StateType, Timestamp};
use crate::results::{CachedCall, KeyGuard};

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
    /// What the key was made of.
    pub(crate) call: CachedCall,
    pub(crate) expiration: Option<Timestamp>,
    /// In a transaction: the place at the key there.
    pub(crate) place: Option<Place>,
    /// In a transaction: what is to be written when it commits.
    pub(crate) entry: Option<Arc<CacheEntry>>,
    guard: Option<KeyGuard>,
}

impl Caching {
    /// Tells whether the key's lock, if it has one, was lost: then the cache is left to whoever has it now.
    pub(crate) async fn is_lost(&self) -> bool {
        let Some(guard) = &self.guard else { return false };
        match guard.check().await {
            Ok(()) => false,
            Err(error) => {
                tracing::warn!(target: "flowcore", "the result is not cached: {error}");
                true
            }
        }
    }
}

/// A hit: the value, and what the Completed state is to carry.
type Hit = (Value, Option<StateData>);

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
    let Some(CacheKey { text: key, call: made_of }) = key else { return Ok(Cached::Miss(None)) };
    entry.change(|run| run.cache_key = Some(key.clone()));
    let keeping = call.keeping(engine);
    let isolated = options.cache.is_isolated();
    let (guard, place, hit) = match scope.transaction() {
        Some(transaction) => {
            let (place, hit) = look_up_inside(&keeping, transaction, &key, isolated, options.refresh_cache).await?;
            (None, Some(place), hit)
        }
        None => {
            let guard = if isolated { Some(keeping.lock(&key).await?) } else { None };
            (guard, None, if options.refresh_cache { None } else { look_up_stored(&keeping, &key).await })
        }
    };
    if let Some((value, data)) = hit {
        let state = engine.state(StateType::Completed).named(StateName::CACHED);
        let mut state = state.message("The result came from the cache.");
        state.details_mut().cache_key = Some(key);
        state.data = data.map(Box::new);
        return Ok(Cached::Hit(value, Box::new(state)));
    }
    let expiration = options.cache_expiration.and_then(|valid| chrono::TimeDelta::from_std(valid).ok());
    let expiration = expiration.and_then(|valid| engine.0.clock.now().checked_add_signed(valid));
    Ok(Cached::Miss(Some(Caching { key, call: made_of, expiration, place, entry: None, guard })))
}

async fn look_up_stored(keeping: &Keeping<'_>, key: &str) -> Option<Hit> {
    let (value, record) = keeping.look_up(key).await?;
    Some((value, Some(StateData::Stored { record: Box::new(record) })))
}

/// Looks a key up in a transaction: among what its own tasks have computed, and in the storage. Others are kept from an
/// isolated key until the transaction ends.
async fn look_up_inside(
    keeping: &Keeping<'_>,
    transaction: &Transaction,
    key: &str,
    isolated: bool,
    refresh: bool,
) -> Result<(Place, Option<Hit>), Error> {
    let mut place = transaction.shelf().place(key, isolated).await;
    if !refresh
        && let Some((entry, data)) = place.entry()
        && let Some(value) = keeping.read_entry(&entry)
    {
        return Ok((place, Some((value, data))));
    }
    if place.wants_guard() {
        place.guard(keeping.lock(key).await?, transaction);
    }
    let hit = if refresh { None } else { look_up_stored(keeping, key).await };
    if hit.is_some() {
        place.unguard();
    }
    Ok((place, hit))
}
