//! Stores in SQL databases: SQLite files and PostgreSQL servers, by one text for both where it can be.
//!
//! | module | holds |
//! | --- | --- |
//! | `driver`, `dialect`, `failure` | what differs between the two drivers: values, fragments of SQL, errors |
//! | `sqlite`, `postgres`, `migrate` | opening, and the schema |
//! | `template`, `transaction` | statements of many rows, and how they travel |
//! | `queue`, `turn`, `batch`, `write` | the one writer: what has queued up becomes one transaction |
//! | `rows`, `select`, `read` | rows as model types, and the questions that readers ask |
//! | `query`, `records`, `totals` | conditions of any kind, rows of any table, and figures over many, as a server needs them |
//! | `events`, `strays` | the newest or oldest of all events, from as few rows as need be |
//! | `limits` | the store's face to concurrency limits, with its questions |
//! | `store`, `artifacts`, `inputs`, `variables`, `edits`, `deletes`, `watch` | the other faces, subject by subject |

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod artifacts;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod batch;
mod connect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod deletes;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod dialect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod driver;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod edits;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod events;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod failure;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod inputs;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod limits;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod migrate;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod query;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod queue;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod read;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod records;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rows;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod select;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod store;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod strays;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod template;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod totals;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod transaction;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod turn;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod variables;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod watch;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod write;

pub use connect::connect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use connect::connect_server;

/// Tells the newest version of the schema that this build knows; `None` if no kind of SQL database is compiled in.
pub fn schema_version() -> Option<i64> {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    return Some(migrate::known());
    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    None
}
