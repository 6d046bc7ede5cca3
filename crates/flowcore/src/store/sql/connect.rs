//! Opening a database by its address.

use std::sync::Arc;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::store::ServerStore;
use crate::store::address::{Address, redact};
use crate::store::{Store, StoreError};

/// Opens a SQLite file or a PostgreSQL database, and brings its schema up to date.
///
/// # Errors
///
/// Those of [`store::connect`](crate::store::connect); `memory:` is none of the addresses known here.
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    return Ok(connect_server(url).await?);
    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    match Address::parse(url)? {
        Address::Sqlite(_) => Err(StoreError::FeatureOff { feature: "sqlite", url: redact(url) }),
        Address::Postgres(_) => Err(StoreError::FeatureOff { feature: "postgres", url: redact(url) }),
        Address::Memory => Err(no_sql(url)),
    }
}

/// Opens a database as [`connect`] does, for a server.
///
/// # Errors
///
/// Those of [`connect`].
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub async fn connect_server(url: &str) -> Result<Arc<dyn ServerStore>, StoreError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(address) => Ok(Arc::new(super::sqlite::open(address).await?)),
        #[cfg(feature = "postgres")]
        Address::Postgres(address) => Ok(Arc::new(super::postgres::open(address).await?)),
        #[cfg(not(feature = "sqlite"))]
        Address::Sqlite(_) => Err(StoreError::FeatureOff { feature: "sqlite", url: redact(url) }),
        #[cfg(not(feature = "postgres"))]
        Address::Postgres(_) => Err(StoreError::FeatureOff { feature: "postgres", url: redact(url) }),
        Address::Memory => Err(no_sql(url)),
    }
}

fn no_sql(url: &str) -> StoreError {
    StoreError::Open { url: redact(url), reason: "the URL names no SQL database".to_owned() }
}

#[cfg(all(test, not(feature = "postgres")))]
mod tests {
    use super::connect;

    #[tokio::test]
    async fn what_is_not_compiled_in_is_named() {
        let error = connect("postgres://me:secret@localhost/runs").await.map(drop);
        let message = error.map_or_else(|error| error.to_string(), |()| "connected".to_owned());
        assert!(message.contains("without the feature `postgres` that postgres://me:***@localhost/runs"), "{message}");
    }
}
