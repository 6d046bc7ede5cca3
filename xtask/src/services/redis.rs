//! A private Redis: empty, on a free port of the loopback address, that keeps nothing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::package;
use super::port::free_port;
use super::scratch::Scratch;
use super::service::{Running, Service};

/// How long a start may take on a slow machine.
const START: Duration = Duration::from_secs(30);
/// How often to look whether something has happened.
const POLL: Duration = Duration::from_millis(20);
/// Another process can take the free port before the server does.
const ATTEMPTS: usize = 3;

/// The name of the server's log in the scratch folder.
const LOG: &str = "log";

const MISSING: &str = "Redis is not installed (`redis-server`): install it, or put its folder into PATH";

pub(super) struct Redis;

impl Service for Redis {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn variable(&self) -> &'static str {
        "FLOWCORE_TEST_REDIS_URL"
    }

    fn serves(&self) -> &'static str {
        "the example that reads a Redis Stream"
    }

    fn provide(&self) -> Result<(), String> {
        if program().is_some() {
            return Ok(());
        }
        package::install(self.name(), "redis-server", MISSING)?;
        program().map(drop).ok_or_else(|| format!("{MISSING}; apt-get installed none"))
    }

    fn start(&self) -> Result<Box<dyn Running>, String> {
        let program = program().ok_or(MISSING)?;
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            match Server::start(&program) {
                Ok(server) => return Ok(Box::new(server)),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
}

/// A server that runs. The fields are dropped in this order: it stops before its files go.
struct Server {
    process: Process,
    port: u16,
    scratch: Scratch,
}

/// The server process, which is ended when this is dropped. It has nothing to keep.
struct Process(Child);

impl Server {
    fn start(program: &PathBuf) -> Result<Self, String> {
        let scratch = Scratch::new("redis", None)?;
        let port = free_port()?;
        let log = scratch.path().join(LOG);
        let log = fs::File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.current_dir(scratch.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| format!("cannot start redis-server: {error}"))?;
        let mut server = Self { process: Process(process), port, scratch };
        server.wait_until_ready().map_err(|why| {
            let log = fs::read_to_string(server.scratch.path().join(LOG)).unwrap_or_default();
            format!("{why}; its log:\n{}", log.trim_end())
        })?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < START {
            if let Ok(Some(status)) = self.process.0.try_wait() {
                return Err(format!("redis-server ended while it started ({status})"));
            }
            if answers(self.port).is_ok_and(|answers| answers) {
                return Ok(());
            }
            sleep(POLL);
        }
        Err(format!("redis-server did not answer within {} s", START.as_secs()))
    }
}

/// Tells whether a Redis answers at this port.
fn answers(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(START))?;
    connection.write_all(b"PING\r\n")?;
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line)?;
    Ok(line.trim_end() == "+PONG")
}

impl Running for Server {
    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
