//! SQLite files: opening them.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::store::StoreError;
use crate::store::address::{SqliteAddress, Synchronous};

use super::driver::Source;
use super::migrate::migrate;
use super::queue::Writer;
use super::read::Readers;
use super::store::SqlStore;

/// How long SQLite waits for a lock before it says so; the writer then asks again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared: every template in every size, joined and alone, and the readers'.
const STATEMENTS: usize = 256;

/// Opens a file, making it and its folder if they are not there.
pub(super) async fn open(address: SqliteAddress) -> Result<SqlStore, StoreError> {
    let url = address.path.display().to_string();
    if !address.read_only {
        make_folder(&address.path, &url)?;
    }
    let options = SqliteConnectOptions::new()
        .filename(&address.path)
        .create_if_missing(!address.read_only)
        .read_only(address.read_only)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(1024)
        .foreign_keys(false)
        .disable_statement_logging()
        // In KiB when negative: 64 MiB.
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "memory");
    let readers = Source::Sqlite(Box::new(options.clone()));
    let mut options = options
        .synchronous(match address.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        })
        // In pages of 4 KiB. The commit that crosses it pays for the checkpoint: 16 MiB are some 30 ms.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864");
    if !address.read_only {
        options = options.journal_mode(SqliteJournalMode::Wal);
    }
    let source = Source::Sqlite(Box::new(options));
    let mut connection = source.connect().await.map_err(|failure| failure.opening(&url))?;
    migrate(&mut connection, &url).await.map_err(|failure| failure.opening(&url))?;
    let writer = Writer::new(source, connection, None);
    Ok(SqlStore::new(url, writer, Readers::new(readers, None)))
}

fn make_folder(path: &Path, url: &str) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| StoreError::Open {
        url: url.to_owned(),
        reason: format!("the folder {} cannot be made: {error}", folder.display()),
    })
}
