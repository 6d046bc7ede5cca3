//! A private PostgreSQL cluster: new, on a free port of the loopback address, without durability.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::account::{self, Account};
use super::package;
use super::port::free_port;
use super::scratch::Scratch;
use super::service::{Running, Service};
use crate::process;

/// The superuser of the cluster, who needs no password.
const USER: &str = "flowcore";
/// Enough for the tests of several processes at once, each with its pools.
const MAX_CONNECTIONS: &str = "max_connections=200";
/// How long a start may take on a slow machine.
const START: Duration = Duration::from_secs(60);
/// How long the server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(10);
/// How often to look whether something has happened.
const POLL: Duration = Duration::from_millis(20);
/// Another process can take the free port before the server does.
const ATTEMPTS: usize = 3;

/// The names of the cluster and of the server's log in the scratch folder.
const DATA: &str = "data";
const LOG: &str = "log";

const MISSING: &str = "PostgreSQL is not installed (`initdb` and `postgres`): install it, or put its folder into PATH";

pub(super) struct Postgres;

impl Service for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn variable(&self) -> &'static str {
        "FLOWCORE_TEST_POSTGRES_URL"
    }

    fn serves(&self) -> &'static str {
        "the store on PostgreSQL"
    }

    fn provide(&self) -> Result<(), String> {
        if programs().is_some() {
            return Ok(());
        }
        package::install(self.name(), "postgresql", MISSING)?;
        programs().map(drop).ok_or_else(|| format!("{MISSING}; apt-get installed none"))
    }

    fn start(&self) -> Result<Box<dyn Running>, String> {
        let programs = programs().ok_or(MISSING)?;
        let account = account::unprivileged(&["postgres", "nobody"])?;
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            match Cluster::start(&programs, account) {
                Ok(cluster) => return Ok(Box::new(cluster)),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }
}

/// Finds the folder with the programs: in PATH, else the newest where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort();
    let packaged = packaged.into_iter().rev().map(|(_, folder)| folder);
    std::env::split_paths(&path)
        .chain(packaged)
        .find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
}

/// A cluster that runs. The fields are dropped in this order: the server stops before its files go.
struct Cluster {
    server: Server,
    port: u16,
    scratch: Scratch,
}

impl Cluster {
    fn start(programs: &Path, account: Option<Account>) -> Result<Self, String> {
        let scratch = Scratch::new("postgres", account)?;
        let data = scratch.path().join(DATA);
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            // The account may not be allowed to enter the current folder.
            command.arg("-D").arg(&data).current_dir(scratch.path()).env("LC_ALL", "C").stdin(Stdio::null());
            if let Some(account) = account {
                account.takes(&mut command);
            }
            command
        };
        let superuser = format!("--username={USER}");
        let create = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", &superuser];
        process::output(command("initdb").args(create))?;

        let port = free_port()?;
        let log = scratch.path().join(LOG);
        let log = fs::File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let mut server = command("postgres");
        server.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "unix_socket_directories="]);
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", MAX_CONNECTIONS]);
        let server = server.stdout(Stdio::null()).stderr(log).spawn();
        let server = Server(server.map_err(|error| format!("cannot start postgres: {error}"))?);

        let mut cluster = Self { server, port, scratch };
        cluster.wait_until_ready().map_err(|why| {
            let log = fs::read_to_string(cluster.scratch.path().join(LOG)).unwrap_or_default();
            format!("{why}; its log:\n{}", log.trim_end())
        })?;
        Ok(cluster)
    }

    /// Waits until the server writes into its lock file that it takes connections.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let lock = self.scratch.path().join(DATA).join("postmaster.pid");
        let start = Instant::now();
        while start.elapsed() < START {
            // The eighth line is the state, since version 10.
            let lines = fs::read_to_string(&lock).unwrap_or_default();
            if lines.lines().nth(7).is_some_and(|state| state.trim_end() == "ready") {
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.0.try_wait() {
                return Err(format!("postgres ended while it started ({status})"));
            }
            sleep(POLL);
        }
        Err(format!("postgres took no connections within {} s", START.as_secs()))
    }
}

impl Running for Cluster {
    fn address(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }
}

/// The server process, which is stopped when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT is PostgreSQL's immediate shutdown: it ends its children and keeps nothing, which is what the tests
        // want. A plain kill would leave the children and the shared memory behind. The shell has `kill` built in.
        let quit = ["-c", r#"kill -s QUIT "$1""#, "sh", &self.0.id().to_string()].map(str::to_owned);
        if matches!(self.0.try_wait(), Ok(None)) && process::run(Command::new("/bin/sh").args(quit)).is_ok() {
            let start = Instant::now();
            while start.elapsed() < STOP {
                if !matches!(self.0.try_wait(), Ok(None)) {
                    return;
                }
                sleep(POLL);
            }
            eprintln!("warning: postgres did not stop within {} s and is killed", STOP.as_secs());
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
