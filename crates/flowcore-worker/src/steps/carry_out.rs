//! Carrying out steps one after the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowcore::client::Client;
use flowcore::settings::S3Settings;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::known::{self, Known};
use super::python;
use crate::environment::Inherited;
use crate::output::show;
use crate::placeholders::{PlaceholderError, Resolver, Unknown, with_outputs};

/// Takes what steps print, line by line.
pub type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// Says which step failed, and why. There is no value of a placeholder in it that a step has not printed itself.
#[derive(Debug, thiserror::Error)]
#[error("the step `{step}` failed: {why}")]
pub struct StepError {
    /// Its name, without the module.
    pub step: String,
    /// What to do about it.
    pub why: String,
}

/// The program that `push_code` pushes.
#[derive(Clone, Debug)]
pub(super) struct Program(pub(super) PathBuf);

/// Carries out steps.
#[derive(Clone)]
#[must_use = "no step is carried out until it is asked to"]
pub struct Steps {
    pub(crate) client: Arc<dyn Client>,
    pub(super) resolver: Resolver,
    pub(super) s3: S3Settings,
    pub(super) python: PathBuf,
    /// Where code is kept that was pulled by its hash.
    pub(super) cache: PathBuf,
    pub(super) program: Option<Program>,
    pub(super) report: Report,
    pub(super) cloning: Arc<Mutex<()>>,
    /// What programs get of this process's environment; without it all.
    pub(super) inherited: Option<Inherited>,
}

/// What has become of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// What they gave, by the ids of those that have one and all together.
    pub outputs: Map<String, Value>,
    /// The folder to start something in: the one that they pulled code to, or went into, or else where they began.
    pub directory: PathBuf,
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steps").field("python", &self.python).field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Steps {
    /// Carries out steps by the blocks and variables of this client's server.
    pub fn new(client: Arc<dyn Client>) -> Self {
        Steps {
            resolver: Resolver::new(client.clone()),
            client,
            s3: S3Settings::default(),
            python: PathBuf::from("python3"),
            cache: std::env::temp_dir().join("flowcore-code"),
            program: None,
            report: Arc::new(show),
            cloning: Arc::default(),
            inherited: None,
        }
    }

    /// Sets how buckets are reached if a step does not say; without it as the step says.
    pub fn s3(self, s3: S3Settings) -> Self {
        Steps { s3, ..self }
    }

    /// Sets the interpreter for steps in Python; without it `python3`.
    pub fn python(self, python: impl Into<PathBuf>) -> Self {
        Steps { python: python.into(), ..self }
    }

    /// Sets where code is kept that was pulled by its hash; without it a folder for temporary files.
    pub fn cache(self, cache: impl Into<PathBuf>) -> Self {
        Steps { cache: cache.into(), ..self }
    }

    /// Sets the program that `push_code` pushes, below the folder of the steps.
    pub fn program(self, program: impl Into<PathBuf>) -> Self {
        Steps { program: Some(Program(program.into())), ..self }
    }

    /// Limits what the programs that steps start get of this process's environment.
    pub(crate) fn inheriting(self, inherited: Inherited) -> Self {
        Steps { inherited: Some(inherited), ..self }
    }

    /// Sets what becomes of the lines that steps print; without it they are printed.
    pub fn report(self, report: Report) -> Self {
        Steps { report, ..self }
    }

    /// Carries out steps, beginning in a folder. `outputs` are those of steps before; the answer has them as well.
    ///
    /// # Errors
    ///
    /// A step failed; those after it were not begun.
    pub async fn carry_out(
        &self,
        steps: &[Map<String, Value>],
        folder: &Path,
        mut outputs: Map<String, Value>,
    ) -> Result<Carried, StepError> {
        let (mut at, mut directory) = (folder.to_owned(), None);
        for (name, inputs) in steps.iter().flatten() {
            let short = name.rsplit('.').next().unwrap_or(name);
            let failed = |why: String| StepError { step: short.to_owned(), why };
            let given = self.one(name, inputs, &mut at, &outputs).await.map_err(failed)?;
            if let Some(path) = given.get("directory").and_then(Value::as_str) {
                directory = Some(at.join(path));
            }
            if let Some(id) = inputs.get("id").and_then(Value::as_str) {
                outputs.insert(id.to_owned(), Value::Object(given.clone()));
            }
            outputs.extend(given);
        }
        Ok(Carried { outputs, directory: directory.unwrap_or(at) })
    }

    async fn one(
        &self,
        name: &str,
        inputs: &Value,
        at: &mut PathBuf,
        outputs: &Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let filled = with_outputs(inputs, outputs, Unknown::Dropped).unwrap_or_default();
        let filled = self.resolver.resolve(&filled).await.map_err(|error: PlaceholderError| error.to_string())?;
        let inputs = match filled {
            Value::Object(inputs) => inputs,
            Value::Null => Map::new(),
            _ => return Err("its inputs are to be a mapping".to_owned()),
        };
        match known::carry_out(self, name, &inputs, at).await? {
            Known::Done(outputs) => Ok(outputs),
            Known::Other => {
                let (module, _) = name.rsplit_once('.').ok_or("there is no step of that name")?;
                if module.starts_with("flowcore.") {
                    return Err("there is no step of that name".to_owned());
                }
                python::call(name, &inputs, at, self).await
            }
        }
    }
}
