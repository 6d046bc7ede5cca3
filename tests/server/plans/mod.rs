//! How the databases find what the API asks for: no table that grows with the runs is read from end to end.
//!
//! A server works on a filled database, every request is sent to it once, and all statements that are executed meanwhile are
//! looked at. PostgreSQL tells their plans itself (`auto_explain`), with the values that were asked for and with how many rows
//! were read in vain. SQLite is asked for the plan of each statement that the store says that it executes.

mod asked;
mod filled;
mod finding;
mod heard;
mod sqlite;

use std::sync::Arc;

use tokio::process::Command;

use crate::world::{World, given, on_postgres_behind, on_sqlite};

use asked::Asked;
use heard::Heard;

/// Says in which database to look.
const DATABASE: &str = "FLOWCORE_TEST_PLANS";

/// Lets every connection to the database tell what it executes, and how.
const TELLING: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = auto_explain', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_min_duration = 0', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_analyze = on', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_timing = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_format = json', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_level = notice', current_database());
    -- As in tables that are a hundred times as long, of which reading all costs more than finding some.
    EXECUTE format('ALTER DATABASE %I SET random_page_cost = 1.1', current_database());
END $$";

#[tokio::test]
async fn no_growing_table_is_read_from_end_to_end_in_sqlite() {
    alone("sqlite").await;
}

#[tokio::test]
async fn no_growing_table_is_read_from_end_to_end_in_postgres() {
    let case = "no_growing_table_is_read_from_end_to_end_in_postgres";
    if given("FLOWCORE_TEST_POSTGRES_URL", case).is_some() {
        alone("postgres").await;
    }
}

/// Looks in a process of its own: who hears what is executed hears it of the whole process.
async fn alone(database: &str) {
    let mut look = Command::new(std::env::current_exe().unwrap());
    look.args(["--exact", "plans::look", "--nocapture"]).env(DATABASE, database);
    let output = look.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look() {
    match std::env::var(DATABASE).as_deref() {
        Ok("sqlite") => on_sqlite(no_growing_table_is_read_from_end_to_end).await,
        Ok("postgres") => on_postgres_behind(TELLING, "look", no_growing_table_is_read_from_end_to_end).await,
        // It is started by the tests above.
        _ => {}
    }
}

async fn no_growing_table_is_read_from_end_to_end(world: Arc<World>) {
    let heard = Heard::begin();
    let rows = filled::fill(&world).await;
    let mut findings = Vec::new();
    for Asked { what, method, path, body, excuse, few } in asked::requests(&rows) {
        heard.take();
        let request = world.request(method, &path);
        let request = body.iter().fold(request, |request, body| request.json(body));
        let answer = request.send().await.unwrap();
        let (status, answer) = (answer.status(), answer.text().await.unwrap());
        if !status.is_success() {
            findings.push(format!("{what}: {status} {answer}"));
        }
        let found = finding::of(&world, heard.take(), few).await;
        if excuse.is_none() {
            findings.extend(found.into_iter().map(|finding| format!("{what}: {finding}")));
        } else if !found.is_empty() {
            println!("excused: {what}");
        }
    }
    // Each service takes a turn before it ends.
    heard.take();
    world.serving_replica().await.stop().await;
    findings.extend(
        finding::of(&world, heard.take(), false).await.into_iter().map(|finding| format!("services: {finding}")),
    );
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
