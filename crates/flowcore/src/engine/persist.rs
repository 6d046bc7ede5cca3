//! Keeping results: in the run's own row while they are small, in result storage otherwise, always before Completed.

use super::codec::{Codec, Value};
use super::core::Engine;
use super::error::Error;
use super::task_cache::Caching;
use super::transaction::CacheEntry;
use crate::model::{ResultMetadata, State, StateData, Timestamp};
use crate::results::{CachedCall, KeyGuard, Lookup, Serializer, Storage};

/// How a run's result is kept.
pub(crate) struct Keeping<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) codec: Option<Codec>,
    pub(crate) persist: Option<bool>,
    pub(crate) storage: Option<&'a Storage>,
    pub(crate) serializer: Option<Serializer>,
}

impl Keeping<'_> {
    fn storage(&self) -> &Storage {
        self.storage.unwrap_or(&self.engine.0.storage)
    }

    /// Keeps a result in the run's own row where nothing else was asked for and it is small; gives none where it has to
    /// be [kept](Keeping::keep) otherwise.
    pub(crate) fn keep_inline(&self, value: &Value) -> Option<Option<StateData>> {
        match (self.persist, self.codec) {
            (Some(true), _) => None,
            (Some(false), _) | (None, None) => Some(None),
            (None, Some(_)) if self.serializer.is_some_and(|serializer| serializer != Serializer::JSON) => None,
            (None, Some(codec)) => {
                let json = codec.to_json(value).ok()?;
                let small = json.get().len() as u64 <= self.engine.0.limits.inline_result;
                small.then_some(Some(StateData::Inline { value: json }))
            }
        }
    }

    /// Keeps a result as asked; gives what its Completed state is to carry. `stored_under` names a key that the result
    /// must be cached under; otherwise `own_key` makes one if it is needed.
    pub(crate) async fn keep(
        &self,
        value: &Value,
        stored_under: Option<&Caching>,
        own_key: impl FnOnce() -> String,
    ) -> Result<Option<StateData>, Error> {
        let codec = self.codec()?;
        if self.persist == Some(false) && stored_under.is_none() {
            return Ok(None);
        }
        let unasked = self.persist.is_none() && stored_under.is_none() && self.serializer.is_none();
        if unasked && let Err(error) = codec.to_json(value) {
            tracing::warn!(
                target: "flowcore",
                "the result is not kept, since JSON cannot show it ({error}); set `serializer` to keep it"
            );
            return Ok(None);
        }
        let serializer = self.serializer.unwrap_or(Serializer::JSON);
        let bytes = codec.encode(value, serializer)?;
        match stored_under {
            Some(Caching { key, call, expiration, .. }) => {
                self.store(key, serializer, bytes, *expiration, Some(call.clone())).await
            }
            None => self.store(&own_key(), serializer, bytes, None, None).await,
        }
    }

    fn codec(&self) -> Result<Codec, Error> {
        self.codec.ok_or_else(|| {
            Error::msg(
                "its function says `persist_result = false`, so that its result cannot be written; remove that to keep or cache it",
            )
            .retriable(false)
        })
    }

    /// Makes the cache entry of a result, to be written later.
    pub(crate) fn cache_entry(
        &self,
        value: &Value,
        key: &str,
        expiration: Option<Timestamp>,
        call: CachedCall,
    ) -> Result<CacheEntry, Error> {
        let serializer = self.serializer.unwrap_or(Serializer::JSON);
        let payload = self.codec()?.encode(value, serializer)?;
        Ok(CacheEntry { key: key.to_owned(), storage: self.storage().clone(), serializer, payload, expiration, call })
    }

    /// Reads a cache entry that is not written yet, unless it has expired or does not fit.
    pub(crate) fn read_entry(&self, entry: &CacheEntry) -> Option<Value> {
        if entry.expiration.is_some_and(|expiration| expiration <= self.engine.0.clock.now()) {
            return None;
        }
        self.codec?.decode(&entry.payload, entry.serializer).ok()
    }

    async fn store(
        &self,
        key: &str,
        serializer: Serializer,
        bytes: Vec<u8>,
        expiration: Option<Timestamp>,
        cached: Option<CachedCall>,
    ) -> Result<Option<StateData>, Error> {
        let record = self.storage().write_cached(key, serializer, bytes, expiration, cached).await?;
        Ok(Some(StateData::Stored { record: Box::new(record) }))
    }

    /// Looks a key up in the storage. What is missing, expired or damaged is a miss; only the last is worth a warning.
    pub(crate) async fn look_up(&self, key: &str) -> Option<(Value, ResultMetadata)> {
        let codec = self.codec?;
        let found = self.storage().read(key, self.engine.0.clock.now()).await;
        decode(codec, found, &format!("the cached result `{key}`"))
    }

    /// Waits until nobody else computes this key.
    pub(crate) async fn lock(&self, key: &str) -> Result<KeyGuard, Error> {
        Ok(self.engine.0.locks.acquire(key).await?)
    }

    /// Reads the result that a Completed state of an earlier attempt carries.
    pub(crate) async fn load(&self, state: &State) -> Option<Value> {
        let codec = self.codec?;
        match state.data.as_deref()? {
            StateData::Inline { value } => match codec.decode(value.get().as_bytes(), Serializer::JSON) {
                Ok(value) => Some(value),
                Err(error) => {
                    tracing::warn!(target: "flowcore", "a kept result does not fit its type any more and is made anew: {error}");
                    None
                }
            },
            StateData::Stored { record } => {
                let storage = if record.storage == self.storage().url() {
                    self.storage().clone()
                } else {
                    match self.storage().another(&record.storage) {
                        Ok(storage) => storage,
                        Err(error) => {
                            tracing::warn!(target: "flowcore", "a kept result cannot be reached and is made anew: {error}");
                            return None;
                        }
                    }
                };
                let found = storage.read_record(record, self.engine.0.clock.now()).await;
                decode(codec, found, &format!("the kept result `{}`", record.storage_key)).map(|(value, _)| value)
            }
            StateData::Foreign { .. } | StateData::Failure { .. } => None,
        }
    }
}

fn decode(codec: Codec, found: Lookup, what: &str) -> Option<(Value, ResultMetadata)> {
    let damage = match found {
        Lookup::Found { metadata, payload } => {
            let decoded = metadata
                .serializer
                .parse::<Serializer>()
                .map_err(|error| error.to_string())
                .and_then(|serializer| codec.decode(&payload, serializer).map_err(|error| error.to_string()));
            match decoded {
                Ok(value) => return Some((value, metadata)),
                Err(error) => error,
            }
        }
        Lookup::Missing | Lookup::Expired => return None,
        Lookup::Damaged { reason } | Lookup::Unreachable { reason } => reason,
    };
    tracing::warn!(target: "flowcore", "{what} cannot be used and is made anew: {damage}");
    None
}
