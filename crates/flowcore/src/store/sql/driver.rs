//! The drivers behind one face: a connection, a statement's arguments, a row.
//!
//! An enum and not a trait, so that everything above is written once and without bounds. Values are of five kinds:
//! identifiers, whole numbers, others, texts, bytes; and the absence of each.

use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
#[cfg(feature = "sqlite")]
use serde_json::Value as Json;
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor, Row as _};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::query::Values;

use super::dialect::Dialect;
use super::failure::Failure;

/// Does the same with whichever driver is behind a value.
macro_rules! either {
    ($value:expr, $Type:ident, $inner:ident => $body:expr) => {
        match $value {
            #[cfg(feature = "sqlite")]
            $Type::Sqlite($inner) => $body,
            #[cfg(feature = "postgres")]
            $Type::Postgres($inner) => $body,
        }
    };
}

/// Under which target statements are told as they are executed, at the level of traces and without their arguments.
const STATEMENTS: &str = "flowcore_statements";

/// A connection.
pub(super) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::PgConnection>),
}

/// A statement with its arguments.
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    pub(super) arguments: Arguments,
}

/// What one statement did.
#[derive(Default)]
pub(super) struct Outcome {
    /// The rows that it returned.
    pub(super) rows: Vec<Row>,
    /// How many rows it inserted, changed or deleted.
    pub(super) affected: u64,
}

impl Connection {
    /// Tells which SQL the connection understands.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement. In SQLite its text may be several, with semicolons between: there is an outcome for each.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<Vec<Outcome>, Failure> {
        tracing::trace!(target: STATEMENTS, "{}", statement.text);
        let text = AssertSqlSafe(statement.text);
        match (self, statement.arguments) {
            #[cfg(feature = "sqlite")]
            (Connection::Sqlite(connection), Arguments::Sqlite(arguments)) => {
                outcomes(connection.fetch_many(sqlx::query_with(text, arguments)), Row::Sqlite, |result| {
                    result.rows_affected()
                })
                .await
            }
            #[cfg(feature = "postgres")]
            (Connection::Postgres(connection), Arguments::Postgres(arguments)) => {
                outcomes(connection.fetch_many(sqlx::query_with(text, *arguments)), Row::Postgres, |result| {
                    result.rows_affected()
                })
                .await
            }
            #[cfg(all(feature = "sqlite", feature = "postgres"))]
            _ => Err(StoreError::Other("a statement was made for another database".to_owned()).into()),
        }
    }

    /// Runs a statement without arguments.
    pub(super) async fn run_text(&mut self, text: &'static str) -> Result<Vec<Outcome>, Failure> {
        let arguments = Arguments::new(self.dialect());
        self.run(Statement { text: Arc::from(text), arguments }).await
    }

    /// Runs several statements without arguments that are needed once, such as a migration.
    pub(super) async fn run_script(&mut self, script: String) -> Result<(), Failure> {
        either!(self, Connection, connection => connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.map(drop))?;
        Ok(())
    }

    /// Says goodbye, so that a SQLite file is left without its journal.
    pub(super) async fn close(self) -> Result<(), Failure> {
        either!(self, Connection, connection => connection.close().await)?;
        Ok(())
    }
}

async fn outcomes<R, D>(
    stream: impl Stream<Item = Result<Either<D, R>, sqlx::Error>> + Unpin,
    row: fn(R) -> Row,
    affected: fn(&D) -> u64,
) -> Result<Vec<Outcome>, Failure> {
    let mut stream = stream;
    let mut outcomes = Vec::with_capacity(4);
    let mut rows = Vec::new();
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Right(found) => rows.push(row(found)),
            Either::Left(done) => {
                outcomes.push(Outcome { rows: std::mem::take(&mut rows), affected: affected(&done) });
            }
        }
    }
    Ok(outcomes)
}

/// A statement's arguments, in the order of its parameters.
pub(super) enum Arguments {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteArguments),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgArguments>),
}

impl Arguments {
    pub(super) fn new(dialect: Dialect) -> Self {
        match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => Arguments::Sqlite(sqlx::sqlite::SqliteArguments::default()),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => Arguments::Postgres(Box::default()),
        }
    }

    /// Makes room for this many more.
    pub(super) fn reserve(&mut self, count: usize) {
        either!(self, Arguments, arguments => arguments.reserve(count, count * 16));
    }

    /// Counts the arguments so far.
    pub(super) fn len(&self) -> usize {
        either!(self, Arguments, arguments => arguments.len())
    }

    pub(super) fn uuid(&mut self, value: impl Into<Option<Uuid>>) {
        let value: Option<Uuid> = value.into();
        accepted(either!(self, Arguments, arguments => arguments.add(value)));
    }

    pub(super) fn int(&mut self, value: impl Into<Option<i64>>) {
        let value: Option<i64> = value.into();
        accepted(either!(self, Arguments, arguments => arguments.add(value)));
    }

    pub(super) fn real(&mut self, value: impl Into<Option<f64>>) {
        let value: Option<f64> = value.into();
        accepted(either!(self, Arguments, arguments => arguments.add(value)));
    }

    pub(super) fn bytes(&mut self, value: Option<Vec<u8>>) {
        accepted(either!(self, Arguments, arguments => arguments.add(value)));
    }

    /// Adds a text. PostgreSQL cannot keep the character NUL, which becomes the sign for an unreadable one there.
    pub(super) fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) {
        let value: Option<&str> = value.into();
        match self {
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(arguments) => accepted(arguments.add(value)),
            #[cfg(feature = "postgres")]
            Arguments::Postgres(arguments) => match value {
                Some(text) if text.contains('\0') => accepted(arguments.add(text.replace('\0', "\u{fffd}"))),
                value => accepted(arguments.add(value)),
            },
        }
    }

    /// Adds a list of values as one argument: an array for PostgreSQL, JSON for SQLite, with identifiers without dashes.
    pub(super) fn list(&mut self, values: &Values) {
        match self {
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(arguments) => {
                let list = match values {
                    Values::Ids(ids) => ids.iter().map(|id| id.simple().to_string()).collect(),
                    Values::Texts(texts) => Json::from(&**texts),
                    Values::Numbers(numbers) => Json::from(&**numbers),
                };
                accepted(arguments.add(list.to_string()));
            }
            #[cfg(feature = "postgres")]
            Arguments::Postgres(arguments) => accepted(match values {
                Values::Ids(ids) => arguments.add(ids),
                Values::Texts(texts) => {
                    arguments.add(texts.iter().map(|text| text.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
                }
                Values::Numbers(numbers) => arguments.add(numbers),
            }),
        }
    }

    /// Adds a text that was made for this, such as JSON, which has no NUL in it.
    pub(super) fn owned(&mut self, value: String) {
        accepted(either!(self, Arguments, arguments => arguments.add(value)));
    }
}

/// The drivers' encoders of these types cannot fail; were one to, the statement would lack an argument and be refused.
fn accepted(result: Result<(), sqlx::error::BoxDynError>) {
    if let Err(error) = result {
        tracing::error!(%error, "a value could not be encoded for the database");
    }
}

/// A row, whose columns are read by their position.
pub(super) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    pub(super) fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn optional_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn int(&self, column: usize) -> Result<i64, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn optional_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn real(&self, column: usize) -> Result<f64, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn optional_real(&self, column: usize) -> Result<Option<f64>, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }

    pub(super) fn optional_bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        either!(self, Row, row => row.try_get(column)).map_err(unreadable)
    }
}

fn unreadable(error: sqlx::Error) -> StoreError {
    StoreError::Row(error.to_string())
}

/// Looks for tables in a schema of flowcore's own before all others, of which one may have tables of the same names: those
/// of Prefect's server, say. Tables of a flowcore that knew nothing of it are still found behind it.
#[cfg(feature = "postgres")]
const OWN_SCHEMA_FIRST: &str =
    "SELECT set_config('search_path', concat_ws(', ', 'flowcore', nullif(current_setting('search_path'), '')), false)";

/// Where connections come from.
#[derive(Clone)]
pub(super) enum Source {
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::sqlite::SqliteConnectOptions>),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
}

impl Source {
    /// Tells which SQL is understood there.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Source::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Source::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        match self {
            #[cfg(feature = "sqlite")]
            Source::Sqlite(options) => {
                // Making a file a WAL database needs it alone for a moment, and SQLite does not wait for that by itself.
                let begin = std::time::Instant::now();
                loop {
                    match options.connect().await.map_err(Failure::from) {
                        Ok(connection) => return Ok(Connection::Sqlite(connection)),
                        Err(Failure::Busy(_)) if begin.elapsed() < std::time::Duration::from_secs(60) => {}
                        Err(failure) => return Err(failure),
                    }
                    tokio::task::yield_now().await;
                }
            }
            #[cfg(feature = "postgres")]
            Source::Postgres(options) => {
                let mut connection = Connection::Postgres(Box::new(options.connect().await?));
                if !options.get_options().is_some_and(|options| options.contains("search_path")) {
                    connection.run_text(OWN_SCHEMA_FIRST).await?;
                }
                Ok(connection)
            }
        }
    }
}
