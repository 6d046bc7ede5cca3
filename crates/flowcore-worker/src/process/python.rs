//! The interpreter for flows in Python: one that has Prefect.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;

/// Where interpreters are looked for if none is named.
const ON_THE_PATH: [&str; 2] = ["python3", "python"];

/// Writes the version of Prefect without importing it, which would take seconds.
const VERSION: &str = "import importlib.metadata; print(importlib.metadata.version('prefect'))";

/// What versions begin with whose engine is started as it is here.
const UNDERSTOOD: &str = "3.";

/// How long an interpreter may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The interpreter of a worker.
#[derive(Debug)]
pub(super) struct Python {
    named: Option<PathBuf>,
    /// What was found. What was not is looked for again, since somebody may have installed it.
    found: Mutex<Option<PathBuf>>,
}

impl Python {
    /// Takes the one that is named; without it those on the path are tried.
    pub(super) fn new(named: Option<PathBuf>) -> Self {
        Python { named, found: Mutex::new(None) }
    }

    /// Finds one that has Prefect, or says which were tried and what to do.
    pub(super) async fn find(&self) -> Result<PathBuf, String> {
        let mut found = self.found.lock().await;
        if let Some(found) = &*found {
            return Ok(found.clone());
        }
        let candidates = match &self.named {
            Some(named) => vec![named.clone()],
            None => ON_THE_PATH.iter().map(PathBuf::from).collect(),
        };
        let mut tried = Vec::new();
        for candidate in candidates {
            match prefect_of(&candidate).await {
                Ok(version) if version.starts_with(UNDERSTOOD) => return Ok(found.insert(candidate).clone()),
                Ok(version) => tried.push(format!("`{}` has Prefect {version}", candidate.display())),
                Err(why) => tried.push(format!("`{}`: {why}", candidate.display())),
            }
        }
        Err(format!(
            "its flow is in Python, and no interpreter with Prefect 3 was found ({}). Install it there (`pip install prefect`), \
             or name another interpreter: `flowcore worker start --python PATH`, or FLOWCORE_WORKER_PYTHON=PATH",
            tried.join("; ")
        ))
    }
}

/// Asks an interpreter for its version of Prefect.
async fn prefect_of(python: &Path) -> Result<String, String> {
    let mut command = Command::new(python);
    command.args(["-c", VERSION]).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().lines().next_back().unwrap_or("it says nothing").to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Makes a program that stands for an interpreter. A shell writes it: a file that this process has open for writing could not be
    /// executed while another test starts a process.
    async fn interpreter(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("python");
        let write = "printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
        let written = Command::new("sh").args(["-c", write]).arg(&path).arg(script).status().await.unwrap();
        assert!(written.success());
        path
    }

    #[tokio::test]
    async fn an_interpreter_must_have_prefect() {
        let folder = tempfile::tempdir().unwrap();
        let path =
            interpreter(folder.path(), "echo Traceback >&2; echo 'PackageNotFoundError: prefect' >&2; exit 1").await;
        let python = Python::new(Some(path.clone()));
        let why = python.find().await.unwrap_err();
        assert!(why.contains("PackageNotFoundError: prefect)") && why.contains("--python"), "{why}");
        interpreter(folder.path(), "echo 2.20.1").await;
        assert!(python.find().await.unwrap_err().contains("has Prefect 2.20.1"));
        interpreter(folder.path(), "echo 3.8.8").await;
        assert_eq!(python.find().await.unwrap(), path, "it was installed meanwhile");
        let nowhere = Python::new(Some("/nowhere/python".into()));
        assert!(nowhere.find().await.unwrap_err().contains("/nowhere/python"));
    }
}
