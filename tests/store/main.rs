//! The stores' conformance suite: one set of cases, run against memory, SQLite and PostgreSQL.
//!
//! PostgreSQL's address is in `FLOWCORE_TEST_POSTGRES_URL`: a database in which the suite may make others. Without it
//! those tests say that they did not run, and in continuous integration (`CI=true`) they fail.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod backend;
mod cases;
mod deleting;
mod model;
mod postgres;
mod proptests;
mod records;
mod sqlite;
mod totals;
mod watching;
