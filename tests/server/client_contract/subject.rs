//! The clients that are tried, each with nothing in it yet.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flowcore::Engine;
use flowcore::client::Client;
use flowcore::model::FlowRun;
use flowcore::settings::Settings;
use tempfile::TempDir;

use crate::world;

/// What is not so by then never will be.
const DEADLINE: Duration = Duration::from_secs(30);

/// A client, and an engine over it.
pub(super) struct Subject {
    pub(super) client: Arc<dyn Client>,
    pub(super) engine: Engine,
    is_server: bool,
}

impl Subject {
    async fn connect(home: &Path, variable: &str, value: &str) -> Self {
        let folder = home.to_str().unwrap().to_owned();
        let lookup = |name: &str| match name {
            "FLOWCORE_HOME" => Some(folder.clone()),
            _ => (name == variable).then(|| value.to_owned()),
        };
        let engine = Engine::connect(&Settings::from_lookup(&lookup).unwrap()).await.unwrap();
        Subject { client: engine.client().clone(), engine, is_server: variable == "FLOWCORE_API_URL" }
    }

    /// Tells whether a server is behind the client, whose API has no place for some of what a store of one's own keeps.
    pub(super) fn is_server(&self) -> bool {
        self.is_server
    }

    /// Tells the history of a flow run: types of states, each with its name where that says more.
    pub(super) async fn history(&self, run: &FlowRun) -> String {
        crate::rust_client::history(&self.client.flow_run_states(run.id).await.unwrap())
    }

    /// Waits until something is so.
    pub(super) async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let met = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, met).await.is_ok(), "{what}: not within {DEADLINE:?}");
    }
}

async fn with<F: Future<Output = ()>>(variable: &str, value: &str, case: impl FnOnce(Arc<Subject>) -> F) {
    let home = TempDir::new().unwrap();
    let subject = Arc::new(Subject::connect(home.path(), variable, value).await);
    case(subject.clone()).await;
    subject.engine.close().await.unwrap();
}

pub(super) async fn in_memory<F: Future<Output = ()>>(case: impl FnOnce(Arc<Subject>) -> F) {
    with("FLOWCORE_DATABASE_URL", "memory:", case).await;
}

pub(super) async fn in_a_file<F: Future<Output = ()>>(case: impl FnOnce(Arc<Subject>) -> F) {
    let folder = TempDir::new().unwrap();
    with("FLOWCORE_DATABASE_URL", &format!("sqlite://{}", folder.path().join("runs.db").display()), case).await;
}

pub(super) async fn over_http_on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Arc<Subject>) -> F) {
    world::on_sqlite(async |world| with("FLOWCORE_API_URL", &world.api, case).await).await;
}

pub(super) async fn over_http_on_postgres<F: Future<Output = ()>>(name: &str, case: impl FnOnce(Arc<Subject>) -> F) {
    world::on_postgres(name, async |world| with("FLOWCORE_API_URL", &world.api, case).await).await;
}
