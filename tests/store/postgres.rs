//! What is PostgreSQL's own: a server that is not there, and one that goes away.

use std::sync::Arc;

use flowcore::model::{FlowRunFilter, LogFilter, LogLevel};
use flowcore::store::{self, Store, StoreError};
use sqlx::{Connection, Executor, PgConnection};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::backend::{self, Fresh};
use crate::cases::flow_runs::insert;
use crate::model::{flow_run, log};

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    // A port that was free a moment ago, and that nobody listens on now.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("postgresql+asyncpg://me:secret@127.0.0.1:{port}/runs");
    let error = store::connect(&url).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    let message = format!("{error} {error:?}");
    assert!(message.contains(&format!("me:***@127.0.0.1:{port}/runs")), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let Some(fresh) = backend::postgres("a_database_that_is_not_there_is_named").await else { return };
    let url = format!("{}_but_not_this", url(&fresh));
    let error = store::connect(&url).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    assert!(error.to_string().contains("does not exist"), "{error}");
    fresh.remove().await;
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let Some(fresh) = backend::postgres("a_connection_that_the_server_ended_is_replaced").await else { return };
    for round in 0..3 {
        insert(&fresh.store, &flow_run(round)).await;
        let runs = fresh.store.flow_runs(&FlowRunFilter::default()).await.unwrap();
        assert_eq!(runs.len() as u64, round + 1);
        end_connections(&fresh).await;
    }
    fresh.store.append_logs(vec![log(1, None, None, LogLevel::Info)]).await.unwrap();
    fresh.remove().await;
}

pub(crate) fn url(fresh: &Fresh) -> String {
    let (server, name) = fresh.database.as_ref().unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

/// Ends every connection to the test's database, as a restart of the server does.
async fn end_connections(fresh: &Fresh) {
    let mut connection = PgConnection::connect(&url(fresh)).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    connection.execute(end).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn a_store_outlives_the_runtimes_it_is_used_in() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let Some(fresh) = runtime().block_on(backend::postgres("a_store_outlives_the_runtimes_it_is_used_in")) else {
        return;
    };
    for round in 0..3 {
        let store: Arc<dyn Store> = fresh.store.clone();
        runtime().block_on(async {
            store.append_logs(vec![log(round, None, None, LogLevel::Info)]).await.unwrap();
            assert_eq!(store.logs(&LogFilter::default()).await.unwrap().len() as u64, round + 1);
        });
    }
    runtime().block_on(fresh.remove());
}
