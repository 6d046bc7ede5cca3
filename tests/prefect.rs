//! Prefect's own server, for tests of what is ours against it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// How long the server may take to start on a slow machine.
pub const START: Duration = Duration::from_secs(120);

/// Prefect's server, which is ended when this is dropped.
pub struct Prefect {
    /// `http://127.0.0.1:PORT/api`
    pub api: String,
    python: String,
    home: TempDir,
    _server: Child,
}

impl Prefect {
    /// Starts it on a database of its own, and waits until it answers.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn start(python: String) -> Self {
        match Self::try_start(python).await {
            Ok(server) => server,
            Err(why) => panic!("Prefect's server does not start: {why}"),
        }
    }

    async fn try_start(python: String) -> std::io::Result<Self> {
        let home = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut server = command(&python, home.path());
        server.args([
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--no-ui",
            "--port",
            &port.to_string(),
        ]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begun = Instant::now();
        while !is_well(port).await.unwrap_or(false) {
            if begun.elapsed() > START {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(Prefect { api: format!("http://127.0.0.1:{port}/api"), python, home, _server: server })
    }

    /// Lets Prefect's client look, in a program of `tests/prefect_client` that fails when something is not as it should be.
    ///
    /// # Panics
    ///
    /// Something is not as it should be.
    pub async fn look(&self, script: &str, arguments: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("prefect_client").join(script);
        let mut looking = command(&self.python, self.home.path());
        let output = looking.arg(&script).args(arguments).env("PREFECT_API_URL", &self.api).output().await;
        match output {
            Ok(output) => {
                let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
                assert!(output.status.success(), "{}: {}\n{said}", script.display(), output.status);
            }
            Err(error) => panic!("{} cannot be started: {error}", script.display()),
        }
    }
}

fn command(python: &str, home: &Path) -> Command {
    let mut command = Command::new(python);
    let database = format!("sqlite+aiosqlite:///{}", home.join("prefect.db").display());
    command.env("PREFECT_HOME", home).env("PREFECT_API_DATABASE_CONNECTION_URL", database);
    command.env("PREFECT_SERVER_ANALYTICS_ENABLED", "false").env("DO_NOT_TRACK", "1").env("NO_PROXY", "127.0.0.1");
    command.current_dir(home).kill_on_drop(true);
    command
}

/// Asks how it is.
async fn is_well(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
