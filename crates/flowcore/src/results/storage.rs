//! One place where results are kept, whatever is behind it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::memory::Memory;
#[cfg(feature = "results")]
use super::objects::Objects;
use super::{CachedCall, Lookup, ResultError, Serializer, StoredEntry, names, record};
use crate::clock::{Clock, SystemClock};
use crate::model::{ResultMetadata, Timestamp};
use crate::settings::S3Settings;

/// A result storage: in memory, in a folder, or in an S3 bucket.
///
/// A clone is another handle on the same records. A key may be any text; a later write of the same key replaces the
/// record as a whole, so that a reader finds the old one or the new one and never a mixture.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
    /// What it was opened with, for others to be opened with as well.
    settings: Arc<S3Settings>,
}

struct Inner {
    url: String,
    backend: Backend,
}

enum Backend {
    Memory(Memory),
    #[cfg(feature = "results")]
    Objects(Objects),
}

impl Storage {
    /// Makes a new storage in memory, which is empty and goes with its last handle. While it lives, its
    /// [`url`](Self::url) finds it from anywhere in the process.
    pub fn memory() -> Self {
        let (name, memory) = Memory::unnamed();
        Self::new(format!("memory:{name}"), Backend::Memory(memory))
    }

    /// Opens the storage in a folder, which is created if need be.
    ///
    /// # Errors
    /// When the folder cannot be created, or the feature `results` is off.
    pub fn local(path: impl AsRef<Path>) -> Result<Self, ResultError> {
        Self::open_folder(path.as_ref())
    }

    /// Opens the storage at an address: `memory:NAME` (one for the whole process, which lasts as long as the process), a
    /// folder's path, `file:///FOLDER`, or `s3://BUCKET/PREFIX`. Only the last one uses the settings.
    ///
    /// No server is asked yet: whether a bucket can be reached shows with the first record.
    ///
    /// # Errors
    /// When the address makes no sense, a setting is missing, the folder cannot be created, or the kind of storage is
    /// not compiled in.
    pub fn from_url(url: &str, settings: &S3Settings) -> Result<Self, ResultError> {
        Ok(Self { settings: Arc::new(settings.clone()), ..Self::open(url, settings)? })
    }

    /// Opens the storage at another address, with the settings that this one was opened with.
    ///
    /// # Errors
    /// As [`from_url`](Self::from_url).
    pub fn another(&self, url: &str) -> Result<Self, ResultError> {
        Self::from_url(url, &self.settings)
    }

    fn open(url: &str, settings: &S3Settings) -> Result<Self, ResultError> {
        let address = |reason: &str| ResultError::Address { url: url.to_owned(), reason: reason.to_owned() };
        if let Some(name) = url.strip_prefix("memory:") {
            let name = name.trim_start_matches('/');
            return Ok(Self::new(format!("memory:{name}"), Backend::Memory(Memory::named(name))));
        }
        if let Some(path) = url.strip_prefix("file:") {
            let path = path.strip_prefix("//").filter(|path| path.starts_with('/'));
            let path = path.ok_or_else(|| address("the folder must be absolute, behind three slashes"))?;
            let path =
                names::from_url_path(path).ok_or_else(|| address("a % must be followed by two digits of UTF-8"))?;
            return Self::local(path);
        }
        if let Some(bucket_and_prefix) = url.strip_prefix("s3://") {
            return Self::open_s3(url, bucket_and_prefix, settings);
        }
        match url.split_once("://") {
            Some((scheme, _)) => Err(address(&format!("no storage has the scheme `{scheme}`"))),
            None if url.is_empty() => Err(address("it is empty")),
            None => Self::local(url),
        }
    }

    /// Gives the storage's address, without secrets. Opening it finds the same records.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Gives a handle on the same records whose writes have reached the disk when they return, so that they outlast a
    /// power failure. Without it a folder's records outlast the process but not the machine, which is faster. Buckets
    /// always keep what they acknowledge, memory never does.
    pub fn durable(&self) -> Self {
        match &self.inner.backend {
            Backend::Memory(_) => self.clone(),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => Self::new(self.inner.url.clone(), Backend::Objects(objects.durable())),
        }
    }

    /// Keeps a serialized result under a key, in place of what was there, and returns how to find and read it.
    ///
    /// # Errors
    /// When the storage cannot be reached, refuses or is full. What was there before is still there then.
    pub async fn write(
        &self,
        key: &str,
        serializer: Serializer,
        payload: impl Into<Vec<u8>>,
        expiration: Option<Timestamp>,
    ) -> Result<ResultMetadata, ResultError> {
        self.write_cached(key, serializer, payload, expiration, None).await
    }

    /// Does the same for a result that is cached, and notes of which call.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_cached(
        &self,
        key: &str,
        serializer: Serializer,
        payload: impl Into<Vec<u8>>,
        expiration: Option<Timestamp>,
        cached: Option<CachedCall>,
    ) -> Result<ResultMetadata, ResultError> {
        let payload = payload.into();
        let metadata = record::describe(self.url(), key, serializer, &payload, expiration);
        // The machine's clock, since no decision depends on when a record was made.
        let head =
            record::head(&metadata, SystemClock.now(), cached).map_err(|error| self.failed(error.to_string()))?;
        let name = names::of_key(key);
        match &self.inner.backend {
            Backend::Memory(memory) => memory.put(name, &head, &payload),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => {
                objects.put(&name, head, payload).await.map_err(|reason| self.failed(reason))?;
            }
        }
        Ok(metadata)
    }

    /// Looks for the result of a key.
    pub async fn read(&self, key: &str, now: Timestamp) -> Lookup {
        self.look(key, None, now).await
    }

    /// Looks for the very result that a run recorded: another one under the same key counts as damaged.
    pub async fn read_record(&self, metadata: &ResultMetadata, now: Timestamp) -> Lookup {
        self.look(&metadata.storage_key, Some(metadata), now).await
    }

    /// Tells whether there is a record of this key, whatever its condition.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn exists(&self, key: &str) -> Result<bool, ResultError> {
        let name = names::of_key(key);
        match &self.inner.backend {
            Backend::Memory(memory) => Ok(memory.contains(&name)),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => objects.contains(&name).await.map_err(|reason| self.failed(reason)),
        }
    }

    /// Deletes the record of this key. That there is none is no error.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn delete(&self, key: &str) -> Result<(), ResultError> {
        let name = names::of_key(key);
        match &self.inner.backend {
            Backend::Memory(memory) => memory.delete(&name),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => objects.delete(&name).await.map_err(|reason| self.failed(reason))?,
        }
        Ok(())
    }

    /// Lists the keys that begin with `prefix`, in their order. What is no record is passed over, unless
    /// its name could be that of a key.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, ResultError> {
        let names = match &self.inner.backend {
            Backend::Memory(memory) => memory.names(),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => objects.names().await.map_err(|reason| self.failed(reason))?,
        };
        let mut keys = Vec::new();
        for name in names {
            let key = if names::is_hashed(&name) {
                self.entry_named(&name).await?.map(|entry| entry.metadata.storage_key)
            } else {
                names::key_of(&name)
            };
            keys.extend(key.filter(|key| key.starts_with(prefix)));
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn new(url: String, backend: Backend) -> Self {
        Self { inner: Arc::new(Inner { url, backend }), settings: Arc::default() }
    }

    async fn look(&self, key: &str, expected: Option<&ResultMetadata>, now: Timestamp) -> Lookup {
        let name = names::of_key(key);
        let blob = match &self.inner.backend {
            Backend::Memory(memory) => Ok(memory.get(&name)),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => objects.get(&name).await,
        };
        match blob {
            Ok(Some(blob)) => record::read(blob, key, expected, now),
            Ok(None) => Lookup::Missing,
            Err(reason) => Lookup::Unreachable { reason },
        }
    }

    /// Tells what the record of this key says of itself; `None` when it is damaged or there is none.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn entry(&self, key: &str) -> Result<Option<StoredEntry>, ResultError> {
        self.entry_named(&names::of_key(key)).await
    }

    /// Tells what all records say of themselves, in the order of their keys. Each is asked for its beginning. What is
    /// damaged or no record is passed over.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn entries(&self) -> Result<Vec<StoredEntry>, ResultError> {
        let mut entries = Vec::new();
        for key in self.list("").await? {
            entries.extend(self.entry(&key).await?);
        }
        Ok(entries)
    }

    async fn entry_named(&self, name: &str) -> Result<Option<StoredEntry>, ResultError> {
        let beginning = match &self.inner.backend {
            Backend::Memory(memory) => memory.get(name),
            #[cfg(feature = "results")]
            Backend::Objects(objects) => objects.beginning(name).await.map_err(|reason| self.failed(reason))?,
        };
        Ok(beginning.and_then(|beginning| record::entry_in(&beginning)))
    }

    fn failed(&self, reason: String) -> ResultError {
        ResultError::Unreachable { url: self.inner.url.clone(), reason }
    }
}

#[cfg(feature = "results")]
impl Storage {
    fn open_folder(path: &Path) -> Result<Self, ResultError> {
        let (url, objects) = super::folder::open(path)?;
        Ok(Self::new(url, Backend::Objects(objects)))
    }
}

#[cfg(not(feature = "results"))]
impl Storage {
    fn open_folder(path: &Path) -> Result<Self, ResultError> {
        Err(ResultError::FeatureOff { feature: "results", url: path.to_string_lossy().into_owned() })
    }
}

#[cfg(feature = "s3")]
impl Storage {
    fn open_s3(url: &str, bucket_and_prefix: &str, settings: &S3Settings) -> Result<Self, ResultError> {
        let (url, objects) = super::s3::open(url, bucket_and_prefix, settings)?;
        Ok(Self::new(url, Backend::Objects(objects)))
    }
}

#[cfg(not(feature = "s3"))]
impl Storage {
    fn open_s3(url: &str, _: &str, _: &S3Settings) -> Result<Self, ResultError> {
        Err(ResultError::FeatureOff { feature: "s3", url: url.to_owned() })
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Storage").field(&self.inner.url).finish()
    }
}

#[cfg(test)]
mod tests;
