//! Results of runs: how they become bytes, where the bytes are kept, and who may compute one.
//!
//! A [`Serializer`] turns a value into a payload, a [`Storage`] keeps it as a record that describes itself, and
//! [`KeyLocks`] see to it that two runs do not compute the result of one cache key at the same time, and that transactions may exclude each other. A result that
//! cannot be read, for whatever reason, is never a failure: it is a [`Lookup`] other than `Found`, and the run computes
//! it anew.

mod entry;
mod error;
#[cfg(feature = "results")]
mod folder;
mod locks;
mod memory;
mod names;
#[cfg(feature = "results")]
mod objects;
mod record;
#[cfg(feature = "s3")]
mod s3;
mod serializer;
mod storage;

pub use entry::{CachedCall, StoredEntry};
pub use error::{ResultError, SerializerError};
pub use locks::{HeldKey, KeyGuard, KeyLocks, LockManager};
pub use record::Lookup;
#[cfg(feature = "s3")]
pub use s3::bucket;
pub use serializer::Serializer;
pub use storage::Storage;
