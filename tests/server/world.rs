//! A server over a fresh database, and somebody who asks it.

use std::future::Future;
use std::sync::Arc;

use flowcore::settings::Settings;
use flowcore_server::{KeySource, Server};
pub(crate) use flowcore_tests::given::given;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::clock::HandClock;

/// What encrypts blocks.
const KEYS: &str = "c2l4dGVlbiBieXRlcywgYW5kIHRoZW4gc2l4dGVlbiE=";

/// A running server.
pub(crate) struct World {
    /// `http://127.0.0.1:PORT/api`
    pub(crate) api: String,
    database: String,
    client: Client,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl World {
    async fn start(database: &str, variables: &[(&str, &str)]) -> Self {
        World::start_with(database, KEYS, variables, |server| server, |server| server).await
    }

    pub(crate) async fn start_with_keys(database: &str, keys: &str) -> Self {
        World::start_with(database, keys, &[], |server| server, |server| server).await
    }

    async fn start_with(
        database: &str,
        keys: &str,
        variables: &[(&str, &str)],
        begin: impl FnOnce(Server) -> Server,
        finish: impl FnOnce(Server) -> Server,
    ) -> Self {
        let given = |name: &str| Some(variables.iter().find(|(variable, _)| *variable == name)?.1.to_owned());
        let settings = Settings::from_lookup(&|name| given(name).or((name == "FLOWCORE_HOME").then(|| "/".to_owned())));
        let settings = settings.unwrap();
        let keys = KeySource::Text(keys.to_owned());
        let server = begin(Server::open(database).await.unwrap()).with_keys(&keys).await.unwrap();
        let server = finish(server.with_system_blocks().await.unwrap().with_settings(&settings));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}{}", listener.local_addr().unwrap(), settings.server.base_path);
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(async move {
            server.serve(listener, async { drop(ended.await) }).await.unwrap();
        });
        // It wants to know who would encrypt, also where nothing is encrypted. Another test may have said so before.
        drop(rustls::crypto::ring::default_provider().install_default());
        World {
            api,
            database: database.to_owned(),
            client: Client::builder().no_proxy().build().unwrap(),
            end,
            serving,
        }
    }

    /// Starts another server on the same database.
    pub(crate) async fn replica(&self) -> World {
        self.replica_set(&[]).await
    }

    /// Starts another server with settings on the same database.
    pub(crate) async fn replica_set(&self, variables: &[(&str, &str)]) -> World {
        World::start(&self.database, variables).await
    }

    /// Tells whether a server with another key would not start on this database.
    pub(crate) async fn refuses_other_keys(&self) -> bool {
        let other = KeySource::Text("YW5vdGhlciBrZXkgdGhhdCBpcyAzMiBieXRlcyBsb24=".to_owned());
        Server::open(&self.database).await.unwrap().with_keys(&other).await.is_err()
    }

    /// Gives the URL of the database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Starts another server on the same database, which also does what nobody asks for.
    pub(crate) async fn serving_replica(&self) -> World {
        World::start_with(&self.database, KEYS, &[], |server| server, Server::with_services).await
    }

    /// Starts another server on the same database, with these services only, that goes by a clock which is moved on by hand.
    pub(crate) async fn clocked_replica(
        &self,
        clock: &Arc<HandClock>,
        services: &[&str],
        variables: &[(&str, &str)],
    ) -> World {
        let all = [
            "SCHEDULER",
            "LATE_RUNS",
            "PAUSE_EXPIRATIONS",
            "CANCELLATION_CLEANUP",
            "FOREMAN",
            "ZOMBIES",
            "REPOSSESSOR",
            "DB_VACUUM",
        ];
        let off = all.iter().filter(|name| !services.contains(name));
        let off: Vec<String> = off.map(|name| format!("FLOWCORE_SERVER_SERVICES_{name}_ENABLED")).collect();
        let off =
            off.iter().map(|variable| (variable.as_str(), if variable.contains("VACUUM") { "none" } else { "false" }));
        let variables: Vec<(&str, &str)> = off.chain(variables.iter().copied()).collect();
        let asleep = clock.asleep() + services.len();
        let by_hand = |server: Server| server.with_clock(clock.clone());
        let world = World::start_with(&self.database, KEYS, &variables, by_hand, Server::with_services).await;
        clock.until_asleep(asleep).await;
        world
    }

    pub(crate) async fn stop(self) {
        drop(self.client);
        self.end.send(()).unwrap();
        self.serving.await.unwrap();
    }

    /// Changes the database as nobody can who asks the server.
    pub(crate) async fn sql(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.database.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
            connection.execute(statement).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.database).await.unwrap();
            connection.execute(statement).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// Begins a request.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.api))
    }

    /// Asks, and gives status and body.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}{path}", self.api));
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
        (status, body)
    }

    /// Asks with a body as it is, and gives status and body as they come.
    pub(crate) async fn send(&self, method: Method, path: &str, body: String) -> (StatusCode, String) {
        let answer = self.client.request(method, format!("{}{path}", self.api)).body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Posts what must be accepted.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Makes a flow and gives its id.
    pub(crate) async fn flow(&self, name: &str) -> Value {
        self.post("/flows/", json!({"name": name})).await["id"].clone()
    }

    /// Makes a flow run, and gives its id.
    pub(crate) async fn flow_run(&self, body: Value) -> String {
        text(&self.post("/flow_runs/", body).await["id"])
    }

    /// Proposes a state, and gives what became of it.
    pub(crate) async fn set_state(&self, id: &str, state: Value) -> Value {
        self.post(&format!("/flow_runs/{id}/set_state"), json!({"state": state})).await
    }
}

/// Gives a text out of an answer.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) async fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Arc<World>) -> F) {
    on_sqlite_set(&[], case).await;
}

/// Runs a case on a server with settings.
pub(crate) async fn on_sqlite_set<F: Future<Output = ()>>(
    variables: &[(&str, &str)],
    case: impl FnOnce(Arc<World>) -> F,
) {
    let folder = TempDir::new().unwrap();
    let world = World::start(&format!("sqlite://{}", folder.path().join("server.db").display()), variables).await;
    with(world, case).await;
}

pub(crate) async fn on_postgres<F: Future<Output = ()>>(name: &str, case: impl FnOnce(Arc<World>) -> F) {
    on_postgres_behind("", name, case).await;
}

/// Runs a case on a database in which somebody else has been before.
pub(crate) async fn on_postgres_behind<F: Future<Output = ()>>(
    script: &str,
    name: &str,
    case: impl FnOnce(Arc<World>) -> F,
) {
    let Some(server) = given("FLOWCORE_TEST_POSTGRES_URL", name) else { return };
    let database = format!("flowcore_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await.unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    let mut there = PgConnection::connect(&format!("{place}/{database}")).await.unwrap();
    there.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await.unwrap();
    there.close().await.unwrap();
    with(World::start(&format!("{place}/{database}"), &[]).await, case).await;
    connection.execute(AssertSqlSafe(format!("DROP DATABASE {database} WITH (FORCE)"))).await.unwrap();
}

async fn with<F: Future<Output = ()>>(world: World, case: impl FnOnce(Arc<World>) -> F) {
    let world = Arc::new(world);
    case(world.clone()).await;
    Arc::into_inner(world).expect("nobody holds the world").stop().await;
}

/// Makes a test of each case for each kind of database.
#[macro_export]
macro_rules! on_both_databases {
    ($($module:ident: $($case:ident),+;)+) => {
        mod on_sqlite {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::world::on_sqlite(super::$module::$case).await;
            })+)+
        }

        mod on_postgres {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::world::on_postgres(stringify!($case), super::$module::$case).await;
            })+)+
        }
    };
}
