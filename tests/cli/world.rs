//! A folder with a database of its own, and the command working on it.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use flowcore::orchestration::Orchestrator;
use flowcore::settings::Settings;
use flowcore::store;
use flowcore_tests::built::programs;
use tempfile::TempDir;

use crate::clock::StillClock;

pub(crate) struct World {
    pub(crate) home: TempDir,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) client: Orchestrator,
}

impl World {
    /// Makes a folder with an empty database.
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        let settings = Settings::from_lookup(&|name| (name == "FLOWCORE_HOME").then(|| path.clone())).unwrap();
        let clock = Arc::new(StillClock::new());
        let store = store::connect(&settings.store_url()).await.unwrap();
        World { home, client: Orchestrator::new(store, clock.clone()), clock }
    }

    /// Prepares the command. Of the environment it sees only its home.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(binary());
        command.args(line.split_whitespace()).env_clear().env("FLOWCORE_HOME", self.home.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn flowcore(&self, line: &str) -> Transcript {
        self.transcript(line, &self.command(line).output().unwrap())
    }

    /// Runs the command with further variables.
    pub(crate) fn flowcore_with(&self, variables: &[(&str, &str)], line: &str) -> Transcript {
        let output = self.command(line).envs(variables.iter().copied()).output().unwrap();
        self.transcript(line, &output)
    }

    /// Takes down what a command said.
    pub(crate) fn transcript(&self, line: &str, output: &Output) -> Transcript {
        let home = self.home.path().to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(home, "[home]");
        Transcript {
            line: line.to_owned(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            code: output.status.code(),
        }
    }
}

/// What the command was told, what it said, and how it ended.
pub(crate) struct Transcript {
    pub(crate) line: String,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Transcript {
    /// Reads what was printed as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self}");
        serde_json::from_str(&self.out).unwrap()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$ flowcore {}\n{}", self.line, self.out)?;
        for line in self.err.lines() {
            writeln!(f, "stderr: {line}")?;
        }
        match self.code {
            Some(0) => Ok(()),
            code => writeln!(f, "exit code: {code:?}"),
        }
    }
}

/// Finds the command.
pub(crate) fn binary() -> PathBuf {
    programs().join(format!("flowcore{}", std::env::consts::EXE_SUFFIX))
}
