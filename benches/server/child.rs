//! A server as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::embedded::Failed;

use super::http::Http;

/// How long a server may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What blocks are encrypted with: a database that was filled is measured again, and there is nothing secret in it.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT/api`
    pub(crate) api: String,
    /// From its start until it answered.
    pub(crate) started_in: Duration,
}

/// Gives the program, which `cargo xtask bench server` has built.
pub(crate) fn program() -> Result<PathBuf, Failed> {
    let program = std::env::current_exe()?.with_file_name("flowcore");
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is not there: run `cargo xtask bench server`, which builds it", program.display()).into())
}

impl Server {
    /// Starts a server on a database and waits until it answers.
    pub(crate) async fn start(home: &Path, database: &str) -> Result<Self, Failed> {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let begin = Instant::now();
        let child = Command::new(program()?)
            .args(["server", "start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("FLOWCORE_HOME", home)
            .env("FLOWCORE_DATABASE_URL", database)
            .env("FLOWCORE_ENCRYPTION_KEY", KEY)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Server { child, api: format!("http://127.0.0.1:{port}/api"), started_in: Duration::ZERO };
        loop {
            if let Ok(mut http) = Http::connect(&server.api).await
                && http.get("/health").await.is_ok()
            {
                server.started_in = begin.elapsed();
                return Ok(server);
            }
            if begin.elapsed() > PATIENCE {
                return Err("the server does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Tells how much of it is in memory, in MB.
    pub(crate) fn memory_mb(&self) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
