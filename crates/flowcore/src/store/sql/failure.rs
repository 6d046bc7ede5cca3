//! What the drivers report, sorted by what can be done about it.

use sqlx::error::DatabaseError;

use crate::store::StoreError;

/// Why a statement failed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// Another process holds a lock, or two transactions were in each other's way: the same again can succeed.
    Busy(String),
    /// The connection is gone: a new one may be had.
    Lost(String),
    /// The table does not exist: the database is new.
    NoTable(String),
    /// Nothing to be done here.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Final(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy(reason) => {
                StoreError::Other(format!("another process has kept the database locked for too long ({reason})"))
            }
            Failure::Lost(reason) => StoreError::Other(format!("the connection was lost ({reason})")),
            Failure::NoTable(reason) => StoreError::Other(reason),
            Failure::Final(error) => error,
        }
    }
}

impl Failure {
    /// Turns a failure while opening into the error that names the address.
    pub(super) fn opening(self, url: &str) -> StoreError {
        match self {
            Failure::Lost(reason) | Failure::Busy(reason) | Failure::Final(StoreError::Other(reason)) => {
                StoreError::Open { url: url.to_owned(), reason }
            }
            other => other.into(),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => classify(error.as_ref()),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
                Failure::Lost(error.to_string())
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => {
                Failure::Final(StoreError::Row(error.to_string()))
            }
            other => Failure::Final(StoreError::Other(other.to_string())),
        }
    }
}

fn classify(error: &dyn DatabaseError) -> Failure {
    let reason = error.message().to_owned();
    let code = error.code().unwrap_or_default().into_owned();
    #[cfg(feature = "sqlite")]
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return of_sqlite(code.parse().unwrap_or(0), reason);
    }
    of_postgres(&code, reason)
}

/// Sorts by SQLite's result codes; the low byte is the kind, the others say more.
#[cfg(feature = "sqlite")]
fn of_sqlite(code: i32, reason: String) -> Failure {
    match code & 0xff {
        5 | 6 => Failure::Busy(reason),
        8 => Failure::Final(StoreError::ReadOnly { reason }),
        11 | 26 => Failure::Final(StoreError::Damaged { reason }),
        13 => Failure::Final(StoreError::Full { reason }),
        14 => Failure::Lost(reason),
        // A unique index, or a primary key.
        19 if matches!(code, 2067 | 1555) => Failure::Final(StoreError::Exists(reason)),
        1 if reason.starts_with("no such table") => Failure::NoTable(reason),
        _ => Failure::Final(StoreError::Other(format!("{reason} (SQLite's code {code})"))),
    }
}

/// Sorts by SQLSTATE, whose first two characters are the class.
fn of_postgres(code: &str, reason: String) -> Failure {
    match code {
        "53100" => Failure::Final(StoreError::Full { reason }),
        "25006" | "42501" => Failure::Final(StoreError::ReadOnly { reason }),
        "40001" | "40P01" | "55P03" => Failure::Busy(reason),
        "23505" => Failure::Final(StoreError::Exists(reason)),
        "42P01" => Failure::NoTable(reason),
        "57P01" | "57P02" | "57P03" => Failure::Lost(reason),
        _ if code.starts_with("08") => Failure::Lost(reason),
        _ if code.starts_with("XX") => Failure::Final(StoreError::Damaged { reason }),
        _ => Failure::Final(StoreError::Other(format!("{reason} (SQLSTATE {code})"))),
    }
}
