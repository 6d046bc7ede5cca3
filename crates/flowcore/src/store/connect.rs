//! Opening a store by its address.

use std::sync::Arc;

use super::address::Address;
use super::memory::MemoryStore;
use super::{Store, StoreError, sql};

/// Opens the store at an address, and brings its schema up to date.
///
/// | address | store |
/// | --- | --- |
/// | `memory:` | [`MemoryStore`] |
/// | a path, `sqlite:///path`, `sqlite+aiosqlite:///path` | a SQLite file, made together with its folder |
/// | `postgres://..`, `postgresql://..`, `postgresql+asyncpg://..` | a PostgreSQL database |
///
/// A SQLite URL takes `?synchronous=normal` (commits survive the process's death, though not always a power failure)
/// and `?mode=ro`.
///
/// # Errors
///
/// [`StoreError::Open`] when there is no database to be had there, [`StoreError::FeatureOff`] when its kind is not
/// compiled in, [`StoreError::NewerSchema`] when a newer flowcore wrote it.
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match Address::parse(url)? {
        Address::Memory => Ok(Arc::new(MemoryStore::new())),
        Address::Sqlite(_) | Address::Postgres(_) => sql::connect(url).await,
    }
}
