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
    open_with(address, |options| options).await
}

/// Opens a file with a writer's connection that is made to behave otherwise.
async fn open_with(
    address: SqliteAddress,
    tune: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<SqlStore, StoreError> {
    let url = address.path.display().to_string();
    if !address.read_only {
        make_folder(&address.path, &url)?;
    }
    let (readers, writer) = options(&address);
    let source = Source::Sqlite(Box::new(tune(writer)));
    let mut connection = source.connect().await.map_err(|failure| failure.opening(&url))?;
    migrate(&mut connection, &url).await.map_err(|failure| failure.opening(&url))?;
    let writer = Writer::new(source, connection, None);
    Ok(SqlStore::new(url, writer, Readers::new(Source::Sqlite(Box::new(readers)), None)))
}

/// Says how a reader's connection is made, and how the writer's.
fn options(address: &SqliteAddress) -> (SqliteConnectOptions, SqliteConnectOptions) {
    let readers = SqliteConnectOptions::new()
        .filename(&address.path)
        .create_if_missing(!address.read_only)
        .read_only(address.read_only)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(1024)
        .foreign_keys(false)
        .disable_statement_logging()
        // In KiB when negative: 16 MiB.
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "memory");
    let mut writer = readers
        .clone()
        .synchronous(match address.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        })
        // In pages of 4 KiB. The commit that crosses it pays for the checkpoint: 16 MiB are some 30 ms.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        // Without it a statement of 256 rows has an index made of these, and a table of millions read against it.
        .pragma("automatic_index", "off");
    if !address.read_only {
        writer = writer.journal_mode(SqliteJournalMode::Wal);
    }
    (readers, writer)
}

fn make_folder(path: &Path, url: &str) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| StoreError::Open {
        url: url.to_owned(),
        reason: format!("the folder {} cannot be made: {error}", folder.display()),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tempfile::TempDir;
    use uuid::Uuid;

    use super::super::dialect::Dialect;
    use super::super::driver::{Arguments, Source, Statement};
    use super::super::rows::{EDIT_FLOW_RUNS, END_TASK_RUNS, INSERT_STATES, RECORD_TASK_RUNS, SWAP_FLOW_RUNS};
    use super::{SqliteAddress, Synchronous, open, open_with, options};
    use crate::model::{LogFilter, LogId, LogLevel, LogLine, Page, Timestamp};
    use crate::store::{Store, StoreError};

    fn line(number: u128) -> LogLine {
        LogLine {
            id: LogId(Uuid::from_u128(number)),
            timestamp: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            logger: "test".to_owned(),
            message: "x".repeat(1000),
            fields: serde_json::Map::new(),
            flow_run_id: None,
            task_run_id: None,
        }
    }

    /// A database that may not grow stands for a disk that is full: SQLite reports both alike.
    #[tokio::test]
    async fn a_full_disk_loses_nothing_that_was_acknowledged() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("runs.db");
        let address = SqliteAddress { path, synchronous: Synchronous::Full, read_only: false };
        let store = open_with(address, |options| options.pragma("max_page_count", "250")).await.unwrap();
        let mut acknowledged = 0;
        let error = loop {
            let lines: Vec<_> = (acknowledged..acknowledged + 7).map(line).collect();
            match store.append_logs(lines).await {
                Ok(()) => acknowledged += 7,
                Err(error) => break error,
            }
            assert!(acknowledged < 10_000, "250 pages hold less");
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(error.to_string().contains("free some space"), "{error}");
        let kept = store.logs(&LogFilter { page: Page::ALL, ..LogFilter::default() }).await.unwrap();
        assert_eq!(kept.len() as u128, acknowledged);
        // Still full, and still able to say so.
        let error = store.append_logs((20_000..20_007).map(line).collect()).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn writing_many_rows_reads_no_table_from_end_to_end() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("runs.db");
        let address = || SqliteAddress { path: path.clone(), synchronous: Synchronous::Full, read_only: false };
        open(address()).await.unwrap().close().await.unwrap();
        let mut writer = Source::Sqlite(Box::new(options(&address()).1)).connect().await.unwrap_or_else(|_| panic!());
        for template in [&RECORD_TASK_RUNS, &END_TASK_RUNS, &SWAP_FLOW_RUNS, &EDIT_FLOW_RUNS, &INSERT_STATES] {
            for text in template.in_all_sizes(Dialect::Sqlite) {
                let text = format!("EXPLAIN QUERY PLAN {text}").into();
                let statement = Statement { text, arguments: Arguments::new(Dialect::Sqlite) };
                let outcomes = writer.run(statement).await.unwrap_or_else(|_| panic!());
                let plan: Vec<&str> =
                    outcomes.iter().flat_map(|one| &one.rows).map(|row| row.text(3).unwrap()).collect();
                let given =
                    |step: &&str| step.contains("CONSTANT ROW") || step.contains("VALUES CLAUSE") || *step == "SCAN v";
                let reads_all = |step: &&str| step.starts_with("SCAN ") && !given(step);
                assert!(!plan.is_empty() && !plan.iter().any(reads_all), "{plan:?}");
            }
        }
        writer.close().await.unwrap_or_else(|_| panic!());
    }
}
