//! How SQLite would execute a statement.

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::finding::GROWING;

/// Finds what is wrong with how SQLite executes a text, which may be several statements.
pub(super) async fn findings(database: &str, text: &str, few: bool) -> Vec<String> {
    let mut connection = SqliteConnection::connect(database).await.unwrap();
    let mut findings = Vec::new();
    for statement in text.split(';').map(str::trim) {
        if ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].iter().any(|verb| statement.starts_with(verb)) {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let rows = sqlx::query(explain).fetch_all(&mut connection).await.expect(statement);
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            findings.extend(steps.iter().filter_map(|step| {
                let table = scanned(statement, step)?;
                // In the order that is wanted it ends with the page.
                let sorted = steps.iter().any(|step| step.contains("FOR ORDER BY"));
                let ends = !few && !sorted && statement.contains(" LIMIT ");
                (!ends).then(|| format!("{table} is read from end to end ({step}) in {statement}"))
            }));
        }
    }
    connection.close().await.unwrap();
    findings
}

/// Tells which of the growing tables a step reads from end to end.
fn scanned(statement: &str, step: &str) -> Option<&'static str> {
    let name = step.strip_prefix("SCAN ")?.split(' ').next()?;
    let is_named = |table: &&str| {
        **table == *name || ["FROM", "JOIN"].iter().any(|word| statement.contains(&format!("{word} {table} {name} ")))
    };
    GROWING.into_iter().find(is_named)
}
