//! A database of the walk's own, on the PostgreSQL that a variable names.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use crate::Outcome;

/// Names a PostgreSQL on which databases can be made; `cargo xtask services` gives it.
const VARIABLE: &str = "FLOWCORE_TEST_POSTGRES_URL";

/// A database, which is to be dropped at the end.
pub(crate) struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    pub(crate) async fn create() -> Outcome<Self> {
        let server = std::env::var(VARIABLE).map_err(|_| {
            format!(
                "PostgreSQL is missing: set {VARIABLE} to postgres://USER:PASSWORD@HOST/DATABASE, whose user may make \
                 databases; or run `cargo xtask walk`, which starts one"
            )
        })?;
        let name = format!("dhis2_like_{}", Uuid::new_v4().simple());
        let (place, _) = server.rsplit_once('/').ok_or_else(|| format!("{VARIABLE} names no database at its end"))?;
        // As Prefect's own servers are told.
        let url = format!("{place}/{name}").replacen("postgres://", "postgresql+asyncpg://", 1);
        let mut connection = PgConnection::connect(&server).await?;
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        connection.close().await?;
        Ok(Database { server, name, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn drop(self) -> Outcome<()> {
        let mut connection = PgConnection::connect(&self.server).await?;
        connection.execute(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name))).await?;
        Ok(connection.close().await?)
    }
}
