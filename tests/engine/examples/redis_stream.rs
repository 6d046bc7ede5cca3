//! The example that collects a Redis Stream into files, killed in the middle.

use std::collections::BTreeSet;
use std::path::Path;

use flowcore::model::FlowRunFilter;
use redis::Commands;
use serde_json::{Value, json};

use super::{Home, built, texts};
use crate::world::eventually;

/// Gives the address of the server for tests, or says loudly that there is none.
fn server() -> Option<String> {
    let server = std::env::var("FLOWCORE_TEST_REDIS_URL").ok();
    if server.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "FLOWCORE_TEST_REDIS_URL is not set: the example must be tested in continuous integration"
        );
        eprintln!("NOT RUN: redis_stream, since FLOWCORE_TEST_REDIS_URL is not set");
    }
    server
}

/// A stream of this test's own, removed with it.
struct Stream {
    redis: redis::Connection,
    name: String,
}

impl Stream {
    fn new(server: &str, home: &Home) -> Self {
        let redis = redis::Client::open(server).unwrap().get_connection().unwrap();
        Stream { redis, name: format!("readings {}", home.path("").display()) }
    }

    /// Adds readings, with their number as the value.
    fn add(&mut self, numbers: std::ops::Range<usize>) {
        let mut pipe = redis::pipe();
        for number in numbers {
            pipe.xadd(&self.name, "*", &[("sensor", "north".to_owned()), ("value", number.to_string())]).ignore();
        }
        pipe.query::<()>(&mut self.redis).unwrap();
    }

    fn unacknowledged(&mut self) -> usize {
        let pending: redis::streams::StreamPendingReply = self.redis.xpending(&self.name, "flowcore").unwrap();
        pending.count()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _: Result<(), _> = self.redis.del(&self.name);
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

/// Lists the values in all files, each of which has to be there once.
fn values(folder: &Path) -> BTreeSet<usize> {
    let mut values = BTreeSet::new();
    for file in files(folder) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line[1]["sensor"], json!("north"));
            let value = line[1]["value"].as_str().unwrap().parse().unwrap();
            assert!(values.insert(value), "{value} is there twice");
        }
    }
    values
}

#[tokio::test]
async fn redis_stream() {
    let Some(server) = server() else { return };
    let home = Home::new();
    let mut stream = Stream::new(&server, &home);
    stream.add(0..120);
    let folder = home.path("files");
    let name = stream.name.clone();
    let arguments = [Path::new(&name), &folder, Path::new("1"), Path::new("0")];
    let collect = || {
        let mut command = home.command(&built("examples").join("redis_stream"), &arguments);
        texts(&command.env("REDIS_URL", &server).output().unwrap()).0
    };
    assert_eq!(collect(), "120 lines\n");
    assert_eq!((values(&folder), files(&folder).len()), ((0..120).collect(), 3));
    // The next run takes what has come since.
    stream.add(120..130);
    assert_eq!(collect(), "10 lines\n");
    assert_eq!((values(&folder), stream.unacknowledged()), ((0..130).collect(), 0));
}

#[tokio::test]
async fn a_killed_redis_stream_is_collected_once() {
    const ENTRIES: usize = 20_000;
    let Some(server) = server() else { return };
    let home = Home::new();
    let mut stream = Stream::new(&server, &home);
    stream.add(0..ENTRIES);
    let folder = home.path("files");
    let arguments = [Path::new(&stream.name), &folder, Path::new("2"), Path::new("0.1")];
    let program = built("examples").join("redis_stream");
    let mut killed = home.command(&program, &arguments).env("REDIS_URL", &server).spawn().unwrap();
    eventually("some files", async || files(&folder).len() >= 20).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = files(&folder);
    assert!(before.len() < ENTRIES / 50, "it was killed in the middle");

    let client = home.client().await;
    let run = client.flow_runs(&FlowRunFilter::default()).await.unwrap().pop().unwrap();
    let arguments = ["flow-run", "retry", &run.name];
    let mut retry = home.command(&built("flowcore"), &arguments.map(Path::new));
    let (_, err) = texts(&retry.env("REDIS_URL", &server).output().unwrap());
    assert!(err.contains("is Completed"), "{err}");
    let run = client.flow_run(run.id).await.unwrap().unwrap();
    let result = serde_json::to_value(&run.state.data).unwrap();
    assert_eq!((run.times.run_count, &result["value"]), (2, &json!(ENTRIES)));
    assert_eq!(values(&folder), (0..ENTRIES).collect());
    assert_eq!((files(&folder).len(), stream.unacknowledged()), (ENTRIES / 50, 0));
    client.close().await.unwrap();
}
