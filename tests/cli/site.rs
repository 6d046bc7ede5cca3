//! A server with a worker, and what is asked of them by commands.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowcore_tests::built::programs;
use serde_json::Value;

use crate::world::{Transcript, World};

/// What is not so by then never will be.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A server, and what is asked of it by commands.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) api: String,
    /// Whether the server was started for it.
    is_own: bool,
    /// Another home, of whoever executes runs.
    pub(crate) worker_home: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let world = World::new().await;
        let started = world.flowcore("server start --background --port 0");
        assert_eq!(started.code, Some(0), "{started}");
        let api = started.out.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Site { world, api, is_own: true, worker_home: tempfile::tempdir().unwrap() }
    }

    /// Starts a server that wants a name and a password, which the commands know.
    pub(crate) async fn guarded(auth_string: &str) -> Self {
        let world = World::new().await;
        let variables = [("FLOWCORE_SERVER_API_AUTH_STRING", auth_string), ("FLOWCORE_API_AUTH_STRING", auth_string)];
        let started = world.flowcore_with(&variables, "server start --background --port 0");
        assert_eq!(started.code, Some(0), "{started}");
        let api = started.out.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        let known = world.flowcore(&format!("config set api.auth_string={auth_string}"));
        assert_eq!(known.code, Some(0), "{known}");
        Site { world, api, is_own: true, worker_home: tempfile::tempdir().unwrap() }
    }

    /// Works on a server that is there.
    pub(crate) async fn on(api: &str) -> Self {
        Site {
            world: World::new().await,
            api: api.to_owned(),
            is_own: false,
            worker_home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn flowcore(&self, line: &str) -> Transcript {
        self.world.flowcore_with(&[("FLOWCORE_API_URL", &self.api)], line)
    }

    /// Runs a command by its words, which may hold spaces.
    pub(crate) fn words(&self, words: &[&str]) -> Transcript {
        let mut command = self.world.command("");
        let output = command.args(words).env("FLOWCORE_API_URL", &self.api).output().unwrap();
        self.world.transcript(&words.join(" "), &output)
    }

    /// Runs a command that has to go well, and gives what it prints.
    pub(crate) fn does(&self, line: &str) -> String {
        let done = self.flowcore(line);
        assert_eq!(done.code, Some(0), "{done}");
        done.out
    }

    /// Runs a command that has to fail, and gives what it complains of.
    pub(crate) fn fails(&self, line: &str) -> String {
        let failed = self.flowcore(line);
        assert!(matches!(failed.code, Some(1 | 2)), "{failed}");
        failed.err
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        self.flowcore(line).json()
    }

    pub(crate) fn deploy(&self, name: &str, more: &str) -> Transcript {
        let program = programs().join("deployments");
        let line =
            format!("deploy {}:report --name {name} --pool default --param region=north {more}", program.display());
        self.flowcore(&line)
    }

    pub(crate) fn worker(&self, more: &str) -> Worker {
        self.worker_with(&[], more)
    }

    /// Starts a worker with further variables.
    pub(crate) fn worker_with(&self, variables: &[(&str, &str)], more: &str) -> Worker {
        let line = format!("worker start --pool default {more}");
        self.going(variables, &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts a worker whose own log is kept in a file of this name, and tells where.
    pub(crate) fn worker_with_log(&self, variables: &[(&str, &str)], more: &str) -> (Worker, PathBuf) {
        let log = self.worker_home.path().join("worker.log");
        let (out, err) =
            (std::fs::File::create(&log).unwrap(), std::fs::File::options().append(true).open(&log).unwrap());
        let mut command = self.command(variables, &["worker", "start", "--pool", "default"]);
        command.args(more.split_whitespace()).stdout(out).stderr(err);
        (Worker(command.spawn().unwrap()), log)
    }

    /// Starts an agent with further variables.
    pub(crate) fn agent_with(&self, variables: &[(&str, &str)], more: &str) -> Worker {
        let line = format!("agent start {more}");
        self.going(variables, &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts a command that goes on until it is asked to end, and executes runs.
    pub(crate) fn going(&self, variables: &[(&str, &str)], words: &[&str]) -> Worker {
        Worker::start(&mut self.command(variables, words))
    }

    fn command(&self, variables: &[(&str, &str)], words: &[&str]) -> Command {
        let mut command = self.world.command("");
        command.args(words).env("FLOWCORE_API_URL", &self.api).env("FLOWCORE_HOME", self.worker_home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(variables.iter().copied());
        command
    }

    /// Makes the pool `default`, and a deployment of the example's flow in it.
    pub(crate) fn deployed(&self, name: &str) {
        self.does("work-pool create default --overwrite");
        let deployed = self.deploy(name, "");
        assert_eq!(deployed.code, Some(0), "{deployed}");
    }

    /// Makes a run and gives its id.
    pub(crate) fn run(&self, line: &str) -> String {
        id_in(&self.does(&format!("deployment run {line}")))
    }

    /// Waits until a run is in a state, and gives it.
    pub(crate) fn in_state(&self, id: &str, state: &str) -> Value {
        self.in_state_within(DEADLINE, id, state)
    }

    /// Waits for so long at most.
    pub(crate) fn in_state_within(&self, deadline: Duration, id: &str, state: &str) -> Value {
        let begin = Instant::now();
        loop {
            let run = self.json(&format!("api get /flow_runs/{id}"));
            if run["state"]["name"] == state {
                return run;
            }
            assert!(begin.elapsed() < deadline, "it is not {state}: {run}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.is_own {
            self.world.flowcore("server stop");
        }
    }
}

/// A worker, which is killed at the end if it has not ended.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(command: &mut Command) -> Self {
        Worker(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> String {
        self.0.id().to_string()
    }

    pub(crate) fn signal(&self, signal: &str) {
        signal_process(signal, &self.id());
    }

    /// Waits for its end, and tells whether it ended well.
    pub(crate) fn ended(&mut self) -> bool {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(begin.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Gives the id in what a command printed: the last in brackets.
pub(crate) fn id_in(printed: &str) -> String {
    printed.rsplit('(').next().unwrap().split(')').next().unwrap().to_owned()
}

pub(crate) fn signal_process(signal: &str, pid: &str) {
    // Behind `--`: of a group without it, procps takes the first digit for a group.
    assert!(Command::new("kill").args([signal, "--", pid]).status().unwrap().success());
}

/// Tells whether a process runs; one that has ended and that nobody has asked after does not.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until a file has a text in it.
pub(crate) fn said(file: &Path, text: &str) {
    let begin = Instant::now();
    loop {
        let said = std::fs::read_to_string(file).unwrap_or_default();
        if said.contains(text) {
            return;
        }
        assert!(begin.elapsed() < DEADLINE, "no `{text}` in {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a process is gone.
pub(crate) fn gone(pid: &str) {
    let begin = Instant::now();
    while lives(pid) {
        assert!(begin.elapsed() < DEADLINE, "the process {pid} is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
