//! A fresh store of each kind, and the table of cases that each must pass.

use std::future::Future;
use std::sync::Arc;

use flowcore::store::{self, Store, memory::MemoryStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// An empty store, and what must outlive it.
pub(crate) struct Fresh {
    pub(crate) store: Arc<dyn Store>,
    _folder: Option<TempDir>,
    /// The server's address and the database's name.
    pub(crate) database: Option<(String, String)>,
}

pub(crate) fn memory() -> Fresh {
    Fresh { store: Arc::new(MemoryStore::new()), _folder: None, database: None }
}

pub(crate) async fn sqlite() -> Fresh {
    let folder = TempDir::new().expect("a folder");
    // The folder within it is made by the store.
    let url = format!("sqlite://{}", folder.path().join("new folder/runs.db").display());
    let store = store::connect(&url).await.expect("a database");
    Fresh { store, _folder: Some(folder), database: None }
}

/// Makes a database for one test, or tells loudly why there is none.
pub(crate) async fn postgres(case: &str) -> Option<Fresh> {
    let Ok(server) = std::env::var("FLOWCORE_TEST_POSTGRES_URL") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "FLOWCORE_TEST_POSTGRES_URL is not set: PostgreSQL must be tested in continuous integration"
        );
        eprintln!("NOT RUN: postgres::{case}, since FLOWCORE_TEST_POSTGRES_URL is not set");
        return None;
    };
    let name = format!("flowcore_{}", Uuid::from_u64_pair(rand(), rand()).simple());
    let mut connection = PgConnection::connect(&server).await.expect("a server");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    let (place, _) = server.rsplit_once('/').expect("a URL with a database");
    let store = store::connect(&format!("{place}/{name}")).await.expect("a store");
    Some(Fresh { store, _folder: None, database: Some((server, name)) })
}

impl Fresh {
    /// Closes the store and removes what it lived in.
    pub(crate) async fn remove(self) {
        self.store.close().await.expect("a closed store");
        if let Some((server, name)) = self.database {
            let mut connection = PgConnection::connect(&server).await.expect("a server");
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            connection.execute(AssertSqlSafe(drop)).await.expect("no database");
        }
    }
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

pub(crate) async fn on_memory<F: Future<Output = ()>>(case: impl FnOnce(Arc<dyn Store>) -> F) {
    let fresh = memory();
    case(fresh.store.clone()).await;
    fresh.remove().await;
}

pub(crate) async fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Arc<dyn Store>) -> F) {
    let fresh = sqlite().await;
    case(fresh.store.clone()).await;
    fresh.remove().await;
}

pub(crate) async fn on_postgres<F: Future<Output = ()>>(name: &str, case: impl FnOnce(Arc<dyn Store>) -> F) {
    if let Some(fresh) = postgres(name).await {
        case(fresh.store.clone()).await;
        fresh.remove().await;
    }
}

/// Makes a test of each case for each kind of store.
#[macro_export]
macro_rules! conformance {
    ($($module:ident: $($case:ident),+;)+) => {
        mod on_memory {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::backend::on_memory(super::$module::$case).await;
            })+)+
        }

        mod on_sqlite {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::backend::on_sqlite(super::$module::$case).await;
            })+)+
        }

        mod on_postgres {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::backend::on_postgres(stringify!($case), super::$module::$case).await;
            })+)+
        }
    };
}
