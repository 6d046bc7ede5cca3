//! What stands for a Docker engine where there is none: it speaks the engine's API on a socket, as far as a worker asks, and its
//! containers are processes of this machine.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::signal_process;

/// The engine. Its containers are killed with it.
pub(crate) struct FakeEngine {
    folder: TempDir,
    engine: Arc<Engine>,
}

#[derive(Default)]
struct Engine {
    containers: Mutex<BTreeMap<String, Container>>,
    /// Something has ended.
    changed: Condvar,
    asked: Mutex<Vec<String>>,
    /// Where its containers have their files.
    home: PathBuf,
}

struct Container {
    body: Value,
    pid: Option<u32>,
    code: Option<i32>,
    /// What it has written, in frames as the engine has them.
    output: Vec<u8>,
}

impl FakeEngine {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let engine = Arc::new(Engine { home: folder.path().to_owned(), ..Engine::default() });
        let serving = engine.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let engine = serving.clone();
                // Who has gone away is not answered.
                std::thread::spawn(move || drop(engine.answer(stream)));
            }
        });
        FakeEngine { folder, engine }
    }

    /// Where it listens, as `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("engine.sock").display())
    }

    /// Gives what containers were made of.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.engine.containers.lock().unwrap().values().map(|container| container.body.clone()).collect()
    }

    /// Lists what it was asked: verbs and paths.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.engine.asked.lock().unwrap().clone()
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        for container in self.engine.containers.lock().unwrap().values() {
            if let (Some(pid), None) = (container.pid, container.code) {
                signal_process("-KILL", &pid.to_string());
            }
        }
    }
}

impl Engine {
    fn answer(self: Arc<Self>, stream: UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = first.split(' ');
        let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        // Whatever the version is that is asked for.
        let (version, rest) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let path = if version.starts_with("v1.") { format!("/{rest}") } else { path.to_owned() };
        self.asked.lock().unwrap().push(format!("{verb} {path}"));
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        match (verb, &parts[..]) {
            ("GET", ["containers", id, "logs"]) => self.follow(id, stream),
            _ => {
                let (status, answer) = self.ask(verb, &parts, query, body);
                let text = if answer.is_null() { String::new() } else { answer.to_string() };
                let head = format!(
                    "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                    text.len()
                );
                write!(&stream, "{head}Connection: close\r\n\r\n{text}")
            }
        }
    }

    fn ask(self: &Arc<Self>, verb: &str, parts: &[&str], query: &str, body: Value) -> (u16, Value) {
        match (verb, parts) {
            ("GET", ["version"]) => {
                (200, json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}))
            }
            ("GET", ["images", "here:1", "json"]) => (200, json!({"Id": "sha256:1"})),
            ("GET", ["images", ..]) => (404, json!({"message": "No such image"})),
            ("POST", ["images", "create"]) => (404, json!({"message": "pull access denied"})),
            ("POST", ["containers", "create"]) => {
                let mut containers = self.containers.lock().unwrap();
                let id = format!("c{}", containers.len());
                containers.insert(id.clone(), Container { body, pid: None, code: None, output: Vec::new() });
                (201, json!({"Id": id, "Warnings": []}))
            }
            ("GET", ["containers", "json"]) => {
                let containers = self.containers.lock().unwrap();
                let all = containers.iter().filter(|(_, container)| !container.body.is_null());
                let all = all.map(
                    |(id, container)| json!({"Id": id, "Labels": container.body["Labels"], "State": state(container)}),
                );
                (200, all.collect())
            }
            ("POST", ["containers", id, "start"]) => self.start(id),
            ("GET", ["containers", id, "json"]) => match self.containers.lock().unwrap().get(*id) {
                Some(container) if !container.body.is_null() => (
                    200,
                    json!({"Id": id, "State": {"Status": state(container), "ExitCode": container.code.unwrap_or(0)}}),
                ),
                _ => (404, json!({"message": "No such container"})),
            },
            ("POST", ["containers", id, "wait"]) => (200, json!({"StatusCode": self.wait(id, Duration::MAX)})),
            ("POST", ["containers", id, "stop"]) => {
                let seconds = query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("t="))
                    .and_then(|t| t.parse().ok())
                    .unwrap_or(10);
                let (pid, code) = {
                    let containers = self.containers.lock().unwrap();
                    (containers[*id].pid.unwrap().to_string(), containers[*id].code)
                };
                if code.is_none() {
                    signal_process("-TERM", &pid);
                    if self.wait(id, Duration::from_secs(seconds)).is_none() {
                        signal_process("-KILL", &pid);
                    }
                }
                (204, Value::Null)
            }
            ("DELETE", ["containers", id]) => {
                self.containers.lock().unwrap().get_mut(*id).unwrap().body = Value::Null;
                (204, Value::Null)
            }
            _ => (501, json!({"message": format!("{verb} {parts:?} is not known to this engine")})),
        }
    }

    fn start(self: &Arc<Self>, id: &str) -> (u16, Value) {
        let mut containers = self.containers.lock().unwrap();
        let container = containers.get_mut(id).unwrap();
        let texts =
            |name: &str| -> Vec<String> { serde_json::from_value(container.body[name].clone()).unwrap_or_default() };
        let words = texts("Cmd");
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("HOME", &self.home).envs(texts("Env").iter().filter_map(|pair| pair.split_once('=')));
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return (400, json!({"message": error.to_string()})),
        };
        container.pid = Some(child.id());
        let mut readers = Vec::new();
        for (kind, output) in [
            (1, child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>)),
            (2, child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>)),
        ] {
            let (engine, id) = (self.clone(), id.to_owned());
            readers.push(std::thread::spawn(move || engine.read(&id, kind, output.unwrap())));
        }
        let (engine, id) = (self.clone(), id.to_owned());
        std::thread::spawn(move || engine.end(&id, child, readers));
        (204, Value::Null)
    }

    /// Keeps what a container writes.
    fn read(&self, id: &str, kind: u8, mut output: impl Read) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = output.read(&mut buffer) {
            let mut containers = self.containers.lock().unwrap();
            let frames = &mut containers.get_mut(id).unwrap().output;
            frames.extend([kind, 0, 0, 0]);
            frames.extend(u32::try_from(read).unwrap().to_be_bytes());
            frames.extend(&buffer[..read]);
            self.changed.notify_all();
        }
    }

    fn end(&self, id: &str, mut child: Child, readers: Vec<std::thread::JoinHandle<()>>) {
        let status = child.wait().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        self.containers.lock().unwrap().get_mut(id).unwrap().code = Some(status.code().unwrap_or(137));
        self.changed.notify_all();
    }

    /// Waits for a container's end, and gives its exit code.
    fn wait(&self, id: &str, patience: Duration) -> Option<i32> {
        let patience = patience.min(Duration::from_secs(600));
        let containers = self.containers.lock().unwrap();
        let waiting = self.changed.wait_timeout_while(containers, patience, |containers| containers[id].code.is_none());
        waiting.unwrap().0[id].code
    }

    /// Passes on what a container writes, until it ends.
    fn follow(&self, id: &str, mut stream: UnixStream) -> std::io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 200 -\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: close\r\n\r\n"
        )?;
        let mut told = 0;
        loop {
            let (part, is_over) = {
                let containers = self.containers.lock().unwrap();
                let waiting = self.changed.wait_timeout_while(containers, Duration::from_secs(1), |containers| {
                    containers[id].output.len() == told && containers[id].code.is_none()
                });
                let containers = waiting.unwrap().0;
                (containers[id].output[told..].to_vec(), containers[id].code.is_some())
            };
            stream.write_all(&part)?;
            told += part.len();
            if is_over && part.is_empty() {
                return Ok(());
            }
        }
    }
}

fn state(container: &Container) -> &'static str {
    match (container.pid, container.code) {
        (None, _) => "created",
        (Some(_), None) => "running",
        (Some(_), Some(_)) => "exited",
    }
}
