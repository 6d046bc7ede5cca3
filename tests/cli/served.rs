//! A server, and what is asked of it by commands.

use std::process::Stdio;

use flowcore_tests::built::programs;
use serde_json::Value;

use crate::world::{Transcript, World};

pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) api: String,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let world = World::new().await;
        let started = world.flowcore("server start --background --port 0");
        assert_eq!(started.code, Some(0), "{started}");
        let api = started.out.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Served { world, api }
    }

    /// Runs a command, whose words are parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Transcript {
        self.words(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs a command by its words.
    pub(crate) fn words(&self, words: &[&str]) -> Transcript {
        let mut command = self.world.command("");
        command.args(words).env("FLOWCORE_API_URL", &self.api).stdin(Stdio::null());
        self.world.transcript(&words.join(" "), &command.output().unwrap())
    }

    /// Runs a command that has to go well, and gives what it prints.
    pub(crate) fn does(&self, line: &str) -> String {
        let done = self.run(line);
        assert_eq!(done.code, Some(0), "{done}");
        done.out
    }

    /// Runs a command that has to fail, and gives what it complains of.
    pub(crate) fn fails(&self, line: &str) -> String {
        let failed = self.run(line);
        assert!(matches!(failed.code, Some(1 | 2)), "{failed}");
        failed.err
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        self.run(line).json()
    }

    /// Makes the pool `default`, and a deployment of the example's flow in it.
    pub(crate) fn deploy(&self, name: &str) {
        self.does("work-pool create default --overwrite");
        let program = programs().join("deployments");
        self.does(&format!("deploy {}:report --name {name} --pool default --param region=north", program.display()));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.world.flowcore("server stop");
    }
}

/// Gives the id in what a command printed: the last in brackets.
pub(crate) fn id_in(printed: &str) -> String {
    printed.rsplit('(').next().unwrap().split(')').next().unwrap().to_owned()
}
