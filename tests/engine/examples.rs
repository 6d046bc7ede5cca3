//! The examples as programs: what they print, and that a killed one is resumed.

mod http_service;
mod redis_stream;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use flowcore::client::Client;
use flowcore::connect;
use flowcore::model::{FlowRunFilter, Page, TaskRun, TaskRunFilter};
use flowcore::settings::Settings;
use flowcore_tests::built::programs;

use crate::world::eventually;

/// A home of its own, with a registry of packages to survey.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &Path, arguments: &[&Path]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("FLOWCORE_HOME", self.path("home")).env("CARGO_HOME", self.path("cargo"));
        // Started by cargo, a program names its commands otherwise.
        command.env_remove("CARGO").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, example: &str, arguments: &[&Path]) -> (String, String) {
        texts(&self.command(&built("examples").join(example), arguments).output().unwrap())
    }

    async fn client(&self) -> Arc<dyn Client> {
        let home = self.path("home").to_string_lossy().into_owned();
        let settings = Settings::from_lookup(&|name| (name == "FLOWCORE_HOME").then(|| home.clone())).unwrap();
        connect::client(&settings).await.unwrap()
    }

    /// Lists the surveys of the newest run of the report that is in this state.
    async fn surveys(&self, client: &Arc<dyn Client>, state: &str) -> Vec<TaskRun> {
        let filter = FlowRunFilter { state_names: Some(vec![state.to_owned()]), ..FlowRunFilter::default() };
        let Some(run) = client.flow_runs(&filter).await.unwrap().into_iter().next() else { return Vec::new() };
        let name_like = Some("survey ".to_owned());
        let filter =
            TaskRunFilter { flow_run_ids: Some(vec![run.id]), name_like, page: Page::ALL, ..TaskRunFilter::default() };
        client.task_runs(&filter).await.unwrap()
    }

    fn package(&self, name: &str, lines: usize, licence: Option<&str>) {
        let sources = self.path("cargo/registry/src/index").join(format!("{name}-1.0.0"));
        std::fs::create_dir_all(&sources).unwrap();
        let licence = licence.map(|licence| format!("license = \"{licence}\"\n")).unwrap_or_default();
        std::fs::write(sources.join("Cargo.toml"), format!("[package]\nname = \"{name}\"\n{licence}")).unwrap();
        std::fs::write(sources.join("lib.rs"), "//\n".repeat(lines)).unwrap();
    }

    fn lock_file(&self, file: &str, packages: &[&str]) -> PathBuf {
        let packages = packages.iter().map(|name| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n"));
        let path = self.path(file);
        std::fs::write(&path, packages.collect::<String>()).unwrap();
        path
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    (out, err)
}

/// Finds a program, or a folder of programs.
fn built(name: &str) -> PathBuf {
    programs().join(name)
}

#[tokio::test]
async fn retries_and_timeouts() {
    let (out, err) = Home::new().run("retries_and_timeouts", &[]);
    let expected = "flaky service: answered attempt 3\n\
        dawdle: TimedOut (The task took longer than 50ms.)\n\
        parse: 12\n\
        parse: Failed (The task failed: invalid digit found in string)\n\
        reject: Failed (The task failed: the key is wrong)\n";
    assert_eq!(out, expected);
    assert_eq!(err.matches("The task failed: the service is busy; it is tried again in").count(), 2, "{err}");
}

#[tokio::test]
async fn transactions() {
    let home = Home::new();
    let first = "monday:\n  to be checked: monday.csv, monday.sum\n\
        \x20 announced: monday.csv\n  announced: monday.sum\n\
        \x20 published with 3 lines; in the folder: monday.csv, monday.sum\n";
    let known = |files| format!("monday:\n  published with 3 lines; in the folder: {files}\n");
    let refused = |before, files| {
        format!(
            "tuesday:\n  to be checked: {before}tuesday.csv, tuesday.sum\n  removed: tuesday.sum\n  removed: tuesday.csv\n  \
             not published; in the folder: {files}\ntuesday."
        )
    };
    let (out, err) = home.run("transactions", &[]);
    let files = "monday.csv, monday.sum";
    let expected = format!("{first}{}{}", known(files), refused("monday.csv, monday.sum, ", files));
    assert!(out.starts_with(&expected), "{out}");
    assert_eq!(out.matches(" is RolledBack\n").count(), 2, "{out}");
    assert!(err.contains("the report is empty"), "{err}");
    // What was committed outlives the process.
    let (out, _) = home.run("transactions", &[]);
    assert!(out.starts_with(&format!("{}{}{}", known("nothing"), known("nothing"), refused("", "nothing"))), "{out}");
}

#[tokio::test]
async fn caching_and_results() {
    let home = Home::new();
    let expected = |computed, looked_up| {
        format!(
            "1229 primes below 10000; the second call was Cached\n\
             4 results, computed {computed} time(s)\nlooked up {looked_up} time(s)\npublished 1229 primes\n"
        )
    };
    assert_eq!(home.run("caching_and_results", &[]).0, expected(1, 1));
    // The cache outlives the process.
    assert_eq!(home.run("caching_and_results", &[]).0, expected(0, 0));
    assert_eq!(home.run("caching_and_results", &[Path::new("--refresh")]).0, expected(0, 0));
    let reports = std::fs::read_dir(home.path("home/results")).unwrap();
    assert!(reports.count() > 3);
}

#[tokio::test]
async fn limits() {
    let home = Home::new();
    let expected = "12 queries, 3 at once at most\n3 trainings, 1 at once at most\n\
        15 calls, 5 of them at once and then 20 in a second: done not before half a second\n\
        1 slots of the concurrency limit `example-db` were not free within 100ms; `flowcore concurrency inspect` lists who \
        has them\n";
    assert_eq!(home.run("limits", &[]).0, expected);
}

/// Two processes at once keep to the limits together: neither trains while the other does.
#[tokio::test]
async fn limits_hold_for_both_of_two_processes() {
    let home = Home::new();
    let program = built("examples").join("limits");
    let both = [0, 1].map(|_| home.command(&program, &[]).spawn().unwrap());
    for one in both {
        let (out, _) = texts(&one.wait_with_output().unwrap());
        assert!(out.contains("3 trainings, 1 at once at most"), "{out}");
    }
    let client = home.client().await;
    let name_like = Some("train".to_owned());
    let filter = TaskRunFilter { name_like, page: Page::ALL, ..TaskRunFilter::default() };
    let mut spans = Vec::new();
    for run in client.task_runs(&filter).await.unwrap() {
        spans.push((run.times.start_time.unwrap(), run.times.end_time.unwrap()));
    }
    spans.sort();
    assert_eq!(spans.len(), 6);
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two were running at once: {pair:?}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn diamond() {
    let (out, _) = Home::new().run("diamond", &[]);
    let none = "no rows: total 0, and task `largest-0` failed\n";
    assert_eq!(out, format!("five rows: total 10, largest 4\n{none}"));
}

#[tokio::test]
async fn quickstart() {
    let home = Home::new();
    home.package("one", 5, Some("MIT"));
    home.package("two", 7, Some("MIT"));
    home.package("unlicensed", 1, None);
    let lock_file = home.lock_file("Cargo.lock", &["one", "two", "unlicensed", "ghost"]);
    let expected = "\n2 of 4 packages surveyed: 4 files, 18 lines\n\
        \nlargest packages                version   files     lines  licence\n\
        two                               1.0.0       2        10  MIT\n\
        one                               1.0.0       2         8  MIT\n\
        \nnot surveyed: unlicensed 1.0.0, ghost 1.0.0\n";
    let client = home.client().await;
    for first in [true, false] {
        assert_eq!(home.run("quickstart", &[&lock_file]).0, expected);
        let surveys = home.surveys(&client, "Completed").await;
        let end = |name: &str| surveys.iter().find(|run| run.name.ends_with(name)).unwrap().state.name.clone();
        let good = if first { "Completed" } else { "Cached" };
        assert_eq!(["one", "two", "unlicensed", "ghost"].map(end), [good, good, "Failed", "Failed"]);
    }
    client.close().await.unwrap();
}

/// Killed while one survey reads from a pipe that nobody writes to, and resumed by the command that the next start tells.
#[cfg(unix)]
#[tokio::test]
async fn a_killed_quickstart_is_resumed() {
    let home = Home::new();
    for (name, lines) in [("one", 5), ("two", 7), ("stuck", 3)] {
        home.package(name, lines, Some("MIT"));
    }
    let sources = home.path("cargo/registry/src/index");
    let pipe = sources.join("stuck-1.0.0/pipe.rs");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lock_file = home.lock_file("Cargo.lock", &["one", "two", "stuck"]);
    let mut killed = home.command(&built("examples").join("quickstart"), &[&lock_file]).spawn().unwrap();

    let client = home.client().await;
    let done = |runs: &[TaskRun]| runs.iter().filter(|run| run.state.is_completed()).count();
    eventually("two of three are surveyed", || async { done(&home.surveys(&client, "Running").await) == 2 }).await;
    killed.kill().unwrap();
    killed.wait().unwrap();

    // The next start is of another report: it says how to resume the first.
    let other = home.lock_file("Other.lock", &["one"]);
    let (_, err) = home.run("quickstart", &[&other]);
    let command =
        err.lines().find_map(|line| line.split_once("Resume it with: flowcore ")).unwrap_or_else(|| panic!("{err}")).1;
    let before = home.surveys(&client, "Crashed").await;
    let stuck = before.iter().find(|run| run.name == "survey stuck").unwrap();
    assert_eq!((done(&before), &*stuck.state.name), (2, "Crashed"));
    assert!(command.starts_with("flow-run retry "), "{command}");

    // Were they surveyed again, they would not be found.
    std::fs::remove_dir_all(sources.join("one-1.0.0")).unwrap();
    std::fs::remove_dir_all(sources.join("two-1.0.0")).unwrap();
    std::fs::remove_file(&pipe).unwrap();
    let arguments: Vec<_> = command.split_whitespace().map(Path::new).collect();
    let (_, err) = texts(&home.command(&built("flowcore"), &arguments).output().unwrap());
    assert!(err.contains("is Completed"), "{err}");
    let retried = arguments[2].to_str().unwrap().parse().unwrap();
    let run = client.flow_run(retried).await.unwrap().unwrap();
    assert!(run.state.is_completed() && run.times.run_count == 2, "{run:?}");
    let report = serde_json::to_value(&run.state.data).unwrap();
    assert_eq!(report["value"]["surveyed"], 3, "{report}");
    let filter = TaskRunFilter {
        flow_run_ids: Some(vec![retried]),
        name_like: Some("survey ".into()),
        ..TaskRunFilter::default()
    };
    let after = client.task_runs(&filter).await.unwrap();
    let counts = |name: &str| after.iter().find(|run| run.name.ends_with(name)).unwrap().times.run_count;
    assert_eq!(["one", "two", "stuck"].map(counts), [1, 1, 2]);
    assert_eq!(after.len(), 3);
    client.close().await.unwrap();
}
