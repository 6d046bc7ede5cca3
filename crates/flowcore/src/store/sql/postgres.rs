//! PostgreSQL servers: opening a database, and the thread that its connections live on.
//!
//! A connection belongs to the runtime that it was opened in, and a store is to outlive any of its callers' runtimes.
//! So the store has one of its own, on a thread that ends with the store.

use std::str::FromStr;
use std::thread;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::store::StoreError;
use crate::store::address::{Redacted, redact};

use super::driver::Source;
use super::failure::Failure;
use super::migrate::migrate;
use super::queue::Writer;
use super::read::Readers;
use super::store::SqlStore;

/// How many statements a connection keeps prepared: every template in every size, and the readers'.
const STATEMENTS: usize = 256;

/// Opens a database on a server.
pub(super) async fn open(address: Redacted) -> Result<SqlStore, StoreError> {
    let url = redact(&address.0);
    // The driver's own message may quote the URL.
    let options = PgConnectOptions::from_str(&address.0)
        .map_err(|_| StoreError::Open { url: url.clone(), reason: "the URL cannot be read".to_owned() })?
        .application_name("flowcore")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let source = Source::Postgres(Box::new(options));
    let (home, guard) = start_thread(&url)?;
    let opened = home.spawn({
        let source = source.clone();
        let url = url.clone();
        async move {
            let mut connection = source.connect().await?;
            migrate(&mut connection, &url).await?;
            Ok::<_, Failure>(connection)
        }
    });
    let connection = opened.await.map_err(|_| StoreError::Closed)?.map_err(|failure| failure.opening(&url))?;
    let writer = Writer::new(source.clone(), connection, Some(home.clone()));
    let readers = Readers::new(source, Some(home));
    Ok(SqlStore::new(url, writer, readers).with_thread(guard))
}

/// Ends the thread of a store when it is dropped.
pub(super) struct ThreadGuard {
    _end: oneshot::Sender<()>,
}

fn start_thread(url: &str) -> Result<(Handle, ThreadGuard), StoreError> {
    let failed = |error: std::io::Error| StoreError::Open { url: url.to_owned(), reason: error.to_string() };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel::<()>();
    thread::Builder::new()
        .name("flowcore-postgres".to_owned())
        .spawn(move || {
            // Nothing is ever sent: the end of the channel is the message.
            let _ = runtime.block_on(ended);
        })
        .map_err(failed)?;
    Ok((handle, ThreadGuard { _end: end }))
}
