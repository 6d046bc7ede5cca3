//! The schema's versions, and how a database is brought to the newest.

use crate::store::StoreError;

use super::dialect::Dialect;
use super::driver::{Arguments, Connection, Statement};
use super::failure::Failure;

/// The migrations in order; the first makes version 1. One that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_runs.sql"),
    include_str!("migrations/0002_limits.sql"),
    include_str!("migrations/0003_inputs.sql"),
    include_str!("migrations/0004_variables.sql"),
    include_str!("migrations/0005_events.sql"),
    include_str!("migrations/0006_artifacts.sql"),
    include_str!("migrations/0007_log_fields.sql"),
    include_str!("migrations/0008_origin.sql"),
    include_str!("migrations/0010_deployments.sql"),
    include_str!("migrations/0011_pools.sql"),
    include_str!("migrations/0014_blocks.sql"),
    include_str!("migrations/0015_artifacts.sql"),
    include_str!("migrations/0012_watching.sql"),
    include_str!("migrations/0013_automations.sql"),
    include_str!("migrations/0009_runs.sql"),
    include_str!("migrations/0021_leases.sql"),
    include_str!("migrations/0020_cached_task_runs.sql"),
    include_str!("migrations/0022_result_storage.sql"),
    include_str!("migrations/0026_scheduler.sql"),
    include_str!("migrations/0027_times.sql"),
    include_str!("migrations/0030_services.sql"),
    include_str!("migrations/0028_plans.sql"),
    include_str!("migrations/0031_teardowns.sql"),
    include_str!("migrations/0032_runs_of_a_flow.sql"),
];

/// A number of our own for PostgreSQL's advisory locks: "flowcore" in ASCII.
#[cfg(feature = "postgres")]
const ADVISORY_LOCK: &str = "SELECT pg_advisory_xact_lock(7380955541374890597)";

/// Makes flowcore's own schema, where connections look for it and its tables are not elsewhere already. Somebody who may
/// not make schemas may use one that is there.
#[cfg(feature = "postgres")]
const OWN_SCHEMA: &str = "DO $$ BEGIN \
     IF split_part(current_setting('search_path'), ',', 1) = 'flowcore' AND to_regnamespace('flowcore') IS NULL \
     AND to_regclass('flowcore_schema') IS NULL THEN CREATE SCHEMA flowcore; END IF; END $$";

/// Brings the schema up to date. One question when it is so already.
pub(super) async fn migrate(connection: &mut Connection, url: &str) -> Result<(), Failure> {
    if is_current(version(connection).await?, url)? {
        return Ok(());
    }
    let mut patience = 12;
    while let Err(failure) = connection.run_text(connection.dialect().begin()).await {
        // Each try has waited for the driver's busy timeout.
        patience -= 1;
        if patience == 0 || !matches!(failure, Failure::Busy(_)) {
            return Err(failure);
        }
    }
    let result = upgrade(connection, url).await;
    connection.run_text(if result.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    result
}

async fn upgrade(connection: &mut Connection, url: &str) -> Result<(), Failure> {
    let dialect = connection.dialect();
    match dialect {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {}
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            connection.run_text(ADVISORY_LOCK).await?;
            connection.run_text(OWN_SCHEMA).await?;
        }
    }
    connection.run_text("CREATE TABLE IF NOT EXISTS flowcore_schema (version BIGINT NOT NULL)").await?;
    // Another process may have been here while this one waited for the lock.
    let found = version(connection).await?;
    if is_current(found, url)? {
        return Ok(());
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        connection.run_script(dialect.schema(migration)).await?;
    }
    connection.run_text("DELETE FROM flowcore_schema").await?;
    let mut arguments = Arguments::new(dialect);
    arguments.int(known());
    let text = "INSERT INTO flowcore_schema (version) VALUES ($1)".into();
    connection.run(Statement { text, arguments }).await?;
    Ok(())
}

/// Reads the schema's version; 0 is that of an empty database.
async fn version(connection: &mut Connection) -> Result<i64, Failure> {
    match connection.run_text("SELECT version FROM flowcore_schema").await {
        Ok(outcomes) => Ok(match outcomes.iter().flat_map(|outcome| &outcome.rows).next() {
            Some(row) => row.int(0)?,
            None => 0,
        }),
        Err(Failure::NoTable(_)) => Ok(0),
        Err(failure) => Err(failure),
    }
}

fn is_current(found: i64, url: &str) -> Result<bool, StoreError> {
    if found > known() {
        return Err(StoreError::NewerSchema { url: url.to_owned(), found, known: known() });
    }
    Ok(found == known())
}

/// Names the tables that hold rows, as all migrations leave them.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables = Vec::new();
    for line in MIGRATIONS.iter().flat_map(|migration| migration.lines()) {
        let words: Vec<&str> = line.trim_end_matches(';').split([' ', '(']).collect();
        match *words {
            ["CREATE", "TABLE", name, ..] => tables.push(name),
            ["DROP", "TABLE", name] => tables.retain(|table| *table != name),
            ["ALTER", "TABLE", old, "RENAME", "TO", new] => {
                tables.iter_mut().filter(|table| **table == old).for_each(|table| *table = new);
            }
            _ => {}
        }
    }
    tables
}

/// Tells the newest version.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_known_by_name() {
        let named = tables();
        let count = |what: &str| MIGRATIONS.iter().map(|migration| migration.matches(what).count()).sum::<usize>();
        assert_eq!(named.len(), count("CREATE TABLE") - count("DROP TABLE"), "each begins a line: {named:?}");
        assert!(named.contains(&"flow_runs") && !named.contains(&"flowcore_schema"));
        let mut once = named.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), named.len(), "{named:?}");
    }
}
