//! What is started for a run: which program, where, with which variables.

use std::path::{Path, PathBuf};

use flowcore::EXECUTE;
use flowcore::model::FlowRunId;
use serde_json::{Map, Value};
use tokio::process::Command;

use crate::bodies::{Deployment, Run};
use crate::entrypoint::Entrypoint;
use crate::template::fill;

/// A process that is to execute a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) start: Start,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
}

/// How it is started.
#[derive(Debug, PartialEq)]
pub(crate) enum Start {
    /// A program that has the flow.
    Program(PathBuf),
    /// Prefect's engine, which finds the flow by the deployment.
    Python,
    /// What the job template or a job variable says, for a shell.
    Command(String),
}

impl Job {
    /// Puts together what is said by the pool, the deployment and the run.
    pub(crate) fn new(template: &Map<String, Value>, deployment: &Deployment, run: &Run) -> Result<Self, String> {
        let overrides = [deployment.job_variables.as_ref(), run.job_variables.as_ref()];
        let overrides: Vec<&Map<String, Value>> = overrides.into_iter().flatten().collect();
        let job = fill(template, &overrides);
        let text = |name: &str| job.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let entrypoint = deployment
            .entrypoint
            .as_deref()
            .ok_or_else(|| format!("its deployment `{}` has no entrypoint: deploy it anew", deployment.name))?;
        let entrypoint: Entrypoint = entrypoint.parse().map_err(|error| format!("{error}"))?;
        let start = match (text("command"), entrypoint) {
            (Some(command), _) => Start::Command(command.to_owned()),
            (None, Entrypoint::Program { path, .. }) => Start::Program(path),
            (None, Entrypoint::Python(_)) => Start::Python,
        };
        let directory = match &start {
            // Python's side of Prefect goes where the deployment says by itself.
            Start::Python => text("working_dir"),
            _ => text("working_dir").or(deployment.path.as_deref()),
        };
        let variables = job.get("env").and_then(Value::as_object).into_iter().flatten().filter_map(|(name, value)| {
            let value = match value {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.clone(), value))
        });
        Ok(Job { start, directory: directory.map(PathBuf::from), variables: variables.collect() })
    }

    /// Writes the command for a run.
    pub(crate) fn command(&self, id: FlowRunId, api_url: &str, python: &Path) -> Command {
        let mut command = match &self.start {
            Start::Program(path) => Command::new(self.directory.as_deref().unwrap_or(Path::new("")).join(path)),
            Start::Python => {
                let mut command = Command::new(python);
                command.args(["-m", "prefect.flow_engine"]);
                command
            }
            Start::Command(text) => {
                let mut command = Command::new("sh");
                command.args(["-c", text]);
                command
            }
        };
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
            .env("PREFECT_API_URL", api_url)
            .env("FLOWCORE_API_URL", api_url)
            .env_remove("FLOWCORE_API_URL_FILE")
            .env(EXECUTE, id.to_string())
            .env("PREFECT__FLOW_RUN_ID", id.to_string())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn deployment(entrypoint: &str, variables: Value) -> Deployment {
        let body = json!({"name": "d", "entrypoint": entrypoint, "path": "/srv/etl", "job_variables": variables});
        serde_json::from_value(body).unwrap_or_else(|error| panic!("{error}"))
    }

    fn run(variables: Value) -> Run {
        let body = json!({"id": Uuid::nil(), "name": "r", "job_variables": variables});
        serde_json::from_value(body).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_program_is_found_from_the_deployments_folder() {
        let job = Job::new(
            &Map::new(),
            &deployment("bin/etl:report", json!({"env": {"A": 1}})),
            &run(json!({"env": {"B": "x"}})),
        );
        let job = job.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(job.start, Start::Program("bin/etl".into()));
        assert_eq!(job.directory.as_deref(), Some(Path::new("/srv/etl")));
        assert_eq!(job.variables, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x".to_owned())]);
        let command = job.command(FlowRunId(Uuid::nil()), "http://x/api", Path::new("python"));
        assert_eq!(command.as_std().get_program(), "/srv/etl/bin/etl");
    }

    #[test]
    fn a_command_of_the_run_goes_before_the_entrypoint() {
        let job = Job::new(&Map::new(), &deployment("etl.py:report", json!({})), &run(json!({"command": "make run"})));
        assert!(job.is_ok_and(|job| job.start == Start::Command("make run".to_owned())));
        let job = Job::new(&Map::new(), &deployment("etl.py:report", json!({})), &run(Value::Null));
        assert!(job.is_ok_and(|job| job.start == Start::Python && job.directory.is_none()));
        assert!(Job::new(&Map::new(), &deployment("etl", json!({})), &run(Value::Null)).is_err());
    }
}
