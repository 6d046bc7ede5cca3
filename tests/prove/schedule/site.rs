//! A server and a worker, as processes that can be killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flowcore::settings::Settings;
use flowcore::{Error, Result, connect};
use flowcore_worker::Worker;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::api::Api;
use super::eventually;
use super::punctual::SERVED;
use crate::server::start_with_services;

/// What takes longer than this to begin does not begin.
const BEGINS: Duration = Duration::from_secs(30);

pub(super) struct Site {
    pub(super) api: Api,
    /// The work pool.
    pool: String,
    database: String,
    port: u16,
    pub(super) server: Child,
    pub(super) worker: Child,
    home: TempDir,
}

/// Gives the parameters of a run that writes into this file.
fn parameters(notes: &Path, steps: u32, pause: f64) -> Value {
    json!({"file": notes, "steps": steps, "pause": pause})
}

impl Site {
    pub(super) async fn start(database: &str, pool: &str) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let home = tempfile::tempdir()?;
        let server = start_with_services(database, port).await?;
        let api = Api::new(format!("http://127.0.0.1:{port}/api"))?;
        api.post("/work_pools/", &json!({"name": pool, "type": "process"})).await?;
        let worker = start(&["worker", pool], port, home.path())?;
        Ok(Site { api, pool: pool.to_owned(), database: database.to_owned(), port, server, worker, home })
    }

    pub(super) async fn start_server(&mut self) -> Result<()> {
        self.server = start_with_services(&self.database, self.port).await?;
        Ok(())
    }

    pub(super) fn start_worker(&mut self) -> Result<()> {
        self.worker = start(&["worker", &self.pool], self.port, self.home.path())?;
        Ok(())
    }

    /// Gives the file into which runs write.
    pub(super) fn notes(&self) -> PathBuf {
        self.home.path().join("notes")
    }

    /// Deploys the flow to the worker.
    pub(super) async fn deploy(&self, name: &str, steps: u32, pause: f64, schedules: &Value) -> Result<String> {
        let program = std::env::current_exe()?;
        let more = json!({
            "work_pool_name": self.pool,
            "entrypoint": format!("{}:punctual", program.display()),
            "path": self.home.path(),
            "parameters": parameters(&self.notes(), steps, pause),
            "schedules": schedules,
        });
        self.api.deploy("punctual", name, &more).await
    }

    /// Starts a process that serves the flow, and gives it with the deployment's id.
    pub(super) async fn serve(&self) -> Result<(Child, String)> {
        let serving = start(&["serving"], self.port, self.home.path())?;
        let id = eventually("the flow is served", BEGINS, async || {
            let filter = json!({"deployments": {"name": {"any_": [SERVED]}}});
            let found = self.api.post("/deployments/filter", &filter).await?;
            Ok(found[0]["id"].as_str().map(str::to_owned))
        })
        .await?;
        let body = json!({"parameters": parameters(&self.notes(), 1, 0.0), "enforce_parameter_schema": false});
        self.api.patch(&format!("/deployments/{id}"), &body).await?;
        Ok((serving, id))
    }

    pub(super) async fn end(self) {
        for mut process in [self.worker, self.server] {
            // One may be dead already.
            let _ = process.kill().await;
        }
    }
}

/// Starts this program as something that reports to the server.
fn start(what: &[&str], port: u16, home: &Path) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join(format!("{}.log", what[0])))?;
    let child = Command::new(std::env::current_exe()?)
        .args(what)
        .env("FLOWCORE_HOME", home)
        .env("FLOWCORE_API_URL", format!("http://127.0.0.1:{port}/api"))
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

/// A worker, which works until it is killed.
pub(crate) async fn work(arguments: &[String]) -> Result<()> {
    let [pool] = arguments else { return Err(Error::msg("worker POOL")) };
    let client = connect::client(&Settings::load()?).await?;
    let forever = std::future::pending;
    Worker::new(client, pool.as_str())
        .run_until(forever(), forever())
        .await
        .map_err(|error| Error::msg(error.to_string()))
}
