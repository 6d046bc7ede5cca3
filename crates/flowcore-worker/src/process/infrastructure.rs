//! Starts processes for runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use flowcore::model::LogLevel;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;
use uuid::Uuid;

use super::control::Control;
use super::group::Group;
use super::notes::{Kept, Notes};
use super::orphan::Orphan;
use super::python::Python;
use super::written::Written;
use crate::entrypoint::Entrypoint;
use crate::environment::Inherited;
use crate::infrastructure::{Ended, Execution, Infrastructure, Left, Stop};
use crate::job::Job;
use crate::output::Output;
use crate::pull::pull;
use crate::steps::Steps;

/// How often Prefect's engine says that a run is alive, in seconds: the least that it can. A server may then take it for dead
/// within a minute and a half.
const HEARTBEATS: &str = "30";

/// The variables that say so, of Prefect now and before.
const HEARTBEAT_VARIABLES: [&str; 2] = ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "PREFECT_RUNNER_HEARTBEAT_FREQUENCY"];

/// Processes on this machine.
#[derive(Debug)]
pub(crate) struct Processes {
    python: Python,
    /// What brings programs here.
    steps: Steps,
    /// What the next worker is to know, if this one is killed.
    notes: Option<Notes>,
    inherited: Inherited,
}

impl Processes {
    /// Takes an interpreter for flows in Python; without it one is looked for.
    pub(crate) fn new(python: Option<PathBuf>, steps: Steps, inherited: Inherited) -> Self {
        Processes { python: Python::new(python), steps: steps.inheriting(inherited.clone()), notes: None, inherited }
    }

    /// Notes below `home` what is started, for the next worker if this one is killed, and takes over what others have noted.
    pub(crate) fn noting(self, home: &Path, worker: &str, api_url: &str) -> Self {
        let notes = Notes::begin(home, &host(), worker, api_url).unwrap_or_else(|error| {
            tracing::warn!(target: "flowcore", "if this worker is killed, nobody will watch its processes: {}: {error}", home.display());
            None
        });
        Processes { notes, ..self }
    }

    /// Makes a folder that goes with a run.
    fn own_folder(&self) -> Result<TempDir, String> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("flowcore-run-");
        let made = match &self.notes {
            Some(notes) => folder.tempdir_in(notes.folder()),
            None => folder.tempdir(),
        };
        made.map_err(|error| format!("there is no place for its files: {error}"))
    }

    /// Finds out what is to be started, and where.
    async fn plan(&self, job: &Job) -> Result<Plan, String> {
        let said = job.text("working_dir").map(PathBuf::from);
        let (directory, own) = match (&job.entrypoint, said) {
            (Entrypoint::Program { path, .. }, said) => {
                let begin = said.or_else(|| job.path.clone());
                match job.pull_steps.is_empty() {
                    true => (begin, None),
                    false => pull(&self.steps, job, begin, || self.own_folder(), path).await?,
                }
            }
            (Entrypoint::Python(_), Some(said)) => (Some(said), None),
            // Prefect's engine copies or clones code into the folder that it is started in.
            (Entrypoint::Python(_), None) => {
                let own = self.own_folder()?;
                (Some(own.path().to_owned()), Some(own))
            }
        };
        let (program, arguments) = match (&job.command, &job.entrypoint) {
            (Some(text), _) => (PathBuf::from("sh"), vec!["-c", text]),
            (None, Entrypoint::Program { path, .. }) => {
                (directory.as_deref().unwrap_or(Path::new("")).join(path), Vec::new())
            }
            (None, Entrypoint::Python(_)) => (self.python.find().await?, vec!["-m", "prefect.engine"]),
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(Plan { command, directory, own })
    }
}

impl Processes {
    /// Notes what was started. It is executed without a note as well.
    fn note(&self, job: &Job, group: &Group, own: Option<&TempDir>) -> Option<Kept> {
        let (notes, pid) = (self.notes.as_ref()?, group.id()?);
        notes.keep(job.run, pid, own.map(TempDir::path)).unwrap_or_else(|error| {
            tracing::warn!(target: "flowcore", "the process of flow run {} is not noted: {error}", job.run);
            None
        })
    }
}

/// What is to be started, and where.
struct Plan {
    command: Command,
    directory: Option<PathBuf>,
    /// The directory, if it goes with the run.
    own: Option<TempDir>,
}

#[async_trait]
impl Infrastructure for Processes {
    async fn start(&self, job: &Job) -> Result<Box<dyn Execution>, String> {
        let Plan { mut command, directory, own } = self.plan(job).await?;
        if let Some(directory) = &directory {
            command.current_dir(directory);
        }
        let mut control = None;
        if matches!(job.entrypoint, Entrypoint::Python(_)) {
            if !HEARTBEAT_VARIABLES.iter().any(|name| std::env::var_os(name).is_some()) {
                command.envs(HEARTBEAT_VARIABLES.map(|name| (name, HEARTBEATS)));
            }
            // Otherwise what it prints comes when it has ended.
            command.env("PYTHONUNBUFFERED", "1");
            match Control::start().await {
                Ok(started) => control = Some(started),
                Err(error) => {
                    tracing::warn!(target: "flowcore", "a cancelled run may stand as Crashed for a moment: {error}");
                }
            }
        }
        command.envs(&job.variables).envs(control.iter().flat_map(Control::variables));
        self.inherited.limit(&mut command);
        let shown = command.as_std().get_program().to_string_lossy().into_owned();
        let (group, output, errors) = Group::start(command).map_err(|error| match &directory {
            Some(directory) => format!("`{shown}` cannot be started in {}: {error}", directory.display()),
            None => format!("`{shown}` cannot be started: {error}"),
        })?;
        let note = self.note(job, &group, own.as_ref());
        Ok(Box::new(Process { group, output, errors, control, own, note }))
    }

    async fn left_behind(&self, _pool: Uuid) -> Result<Vec<Left>, String> {
        let Some(notes) = &self.notes else { return Ok(Vec::new()) };
        let orphans = notes.orphans().map_err(|error| format!("{}: {error}", notes.folder().display()))?;
        let left = orphans.into_iter().map(|(note, kept)| {
            let (run, worker) = (note.run, note.worker.clone());
            Left { run, worker, is_orphan: true, execution: Box::new(Orphan::new(note, kept)) }
        });
        Ok(left.collect())
    }
}

/// A process that executes a run.
struct Process {
    group: Group,
    output: Written,
    errors: Written,
    control: Option<Control>,
    own: Option<TempDir>,
    note: Option<Kept>,
}

#[async_trait]
impl Execution for Process {
    fn id(&self) -> String {
        let pid = self.group.id().map_or_else(String::new, |pid| pid.to_string());
        format!("{}:{pid}", host())
    }

    async fn ended(
        self: Box<Self>,
        output: Output,
        stop: watch::Receiver<Option<Stop>>,
        grace: Duration,
    ) -> Result<Ended, String> {
        let Process { group, output: written, errors, control, own, note } = *self;
        // What has left the group, and writes on, is not waited for.
        let (end, is_over) = watch::channel(false);
        let kept = tokio::spawn(output.clone().keep(written.follow(is_over.clone())));
        let passed = tokio::spawn(output.clone().pass_on(errors.follow(is_over)));
        let ended = group.ended(stop, grace, control).await;
        end.send_replace(true);
        let (_, complaints) = tokio::join!(kept, passed);
        if let Some(note) = note {
            note.forget();
        }
        let (status, stopped) = ended.map_err(|error| error.to_string())?;
        if let Some(own) = own
            && let Err(error) = own.close()
        {
            output.tell(LogLevel::Warning, format!("The run's files are left on the worker's disk: {error}")).await;
        }
        let complaints = complaints.unwrap_or_default();
        Ok(Ended { what: "process", how: status.to_string(), is_success: status.success(), stopped, complaints })
    }
}

/// Gives the name of this machine.
pub(super) fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;
    use crate::job::tests::job;

    async fn processes() -> Processes {
        Processes::new(
            Some("/nowhere/python".into()),
            crate::steps::tests::steps_without_a_server().await,
            Inherited::default(),
        )
    }

    async fn plan(entrypoint: &str, variables: Value) -> Plan {
        let job = job(entrypoint, &variables, &Value::Null).unwrap();
        processes().await.plan(&job).await.unwrap()
    }

    #[tokio::test]
    async fn a_program_is_found_from_the_deployments_folder() {
        let found = plan("bin/etl:report", Value::Null).await;
        assert_eq!(found.command.as_std().get_program(), "/srv/etl/bin/etl");
        assert_eq!(found.directory.as_deref(), Some(Path::new("/srv/etl")));
        let elsewhere = plan("bin/etl:report", json!({"working_dir": "/opt"})).await;
        assert_eq!(elsewhere.command.as_std().get_program(), "/opt/bin/etl");
    }

    #[tokio::test]
    async fn a_command_goes_before_the_entrypoint_and_flows_in_python_have_a_folder_of_their_own() {
        let found = plan("etl.py:report", json!({"command": "make run"})).await;
        assert_eq!(found.command.as_std().get_args().collect::<Vec<_>>(), ["-c", "make run"]);
        assert_eq!(found.directory.as_deref(), found.own.as_ref().map(TempDir::path));
        assert!(found.own.is_some_and(|own| own.path().is_dir()));
        let said = plan("etl.py:report", json!({"command": "make run", "working_dir": "/opt"})).await;
        assert!(said.own.is_none() && said.directory.as_deref() == Some(Path::new("/opt")));
        let missing = job("etl.py:report", &Value::Null, &Value::Null).unwrap();
        let missing = processes().await.start(&missing).await;
        assert!(missing.is_err_and(|why| why.contains("/nowhere/python")));
    }
}
