//! Making one deployment: its steps, its placeholders, its flow, the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowcore::FlowDescription;
use flowcore::client::{NewDeployment, apply_deployment};
use flowcore_worker::placeholders::{Resolver, Unknown, with_outputs};
use flowcore_worker::steps::Steps;
use flowcore_worker::{Entrypoint, describe, describe_python};
use serde_json::{Map, Value, json};

use super::body::body;
use super::flags::Deploy;
use super::triggers;
use crate::called;
use crate::commands::{work_pool, worker};
use crate::deploy_file::{Spec, Written};
use crate::failure::Failure;
use crate::output::note;
use crate::session::Session;
use crate::text::one_line;

/// Where Prefect's own images have code, if nothing else is said.
const IN_IMAGES: &str = "/opt/prefect";

pub(super) async fn apply(written: Written, deploy: &Deploy, session: &mut Session<'_>) -> Result<(), Failure> {
    let name = one_line(&written.name().unwrap_or_default());
    let of = |failure: Failure| match failure {
        Failure::Failed(why) => Failure::Failed(format!("the deployment `{name}`: {why}")),
        other => other,
    };
    Making::begin(written, deploy, session).await.map_err(of)?.finish(session).await.map_err(of)
}

/// A deployment whose flow is not looked at yet.
struct Making {
    written: Written,
    /// Its keys; placeholders for outputs of steps are still there.
    fields: Map<String, Value>,
    entrypoint: Entrypoint,
    here: PathBuf,
    python: PathBuf,
    steps: Steps,
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

impl Making {
    /// Finds out what is to be deployed where, before any step is carried out.
    async fn begin(written: Written, deploy: &Deploy, session: &Session<'_>) -> Result<Self, Failure> {
        let fields = Value::Object(written.fields.clone());
        let fields = Resolver::new(session.client.clone()).resolve(&fields).await.map_err(failed)?;
        let fields = with_outputs(&fields, &Map::new(), Unknown::Kept);
        let Some(Value::Object(mut fields)) = fields else { return Err(failed("it says nothing")) };
        let Some(entrypoint) = fields.get("entrypoint").and_then(Value::as_str) else {
            return Err(failed("it has no `entrypoint`, such as target/release/etl:report or flow.py:function"));
        };
        let entrypoint: Entrypoint = entrypoint.parse().map_err(failed)?;
        if fields.get("name").is_none_or(|name| name.as_str() == Some("")) {
            return Err(failed("it has no `name`"));
        }
        let pool = fields.get("work_pool").and_then(|pool| pool.get("name")?.as_str()).filter(|pool| !pool.is_empty());
        let pool = pool.map(str::to_owned).or_else(|| session.settings.default_work_pool.clone());
        let pool = pool.ok_or_else(|| {
            failed(
                "it has no work pool: set `work_pool: {name: NAME}`, say --pool NAME, or set \
                 deployments.default_work_pool_name",
            )
        })?;
        work_pool::must_exist(session, &pool).await?;
        let place = fields.entry("work_pool").or_insert_with(|| json!({}));
        if let Some(place) = place.as_object_mut() {
            place.insert("name".to_owned(), json!(pool));
        }
        let here = std::env::current_dir()?;
        let python = deploy.python.clone().or_else(worker::known_python).unwrap_or_else(|| PathBuf::from("python3"));
        let mut steps = Steps::new(session.client.clone())
            .s3(session.settings.s3.clone())
            .python(&python)
            .cache(worker::pulled_code(&session.settings))
            .report(Arc::new(|line| note(&format!("  {}", one_line(line)))));
        if let Entrypoint::Program { path, .. } = &entrypoint {
            steps = steps.program(path.strip_prefix(&here).unwrap_or(path));
        }
        Ok(Making { written, fields, entrypoint, here, python, steps })
    }

    async fn finish(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let built = self.carry_out("build", self.written.steps.build.as_deref(), Map::new()).await?;
        // A program may have been built only now.
        let flow = self.describe().await?;
        let outputs = self.carry_out("push", self.written.steps.push.as_deref(), built).await?;
        let mut fields = self.fields.clone();
        let triggers = triggers::filled(fields.remove("triggers"), &outputs);
        let fields = with_outputs(&Value::Object(fields), &outputs, Unknown::Dropped);
        let Some(Value::Object(mut fields)) = fields else { return Err(failed("it says nothing")) };
        fields.extend(triggers.map(|triggers| ("triggers".to_owned(), triggers)));
        let mut spec = Spec::read(fields).map_err(failed)?;
        let triggers = spec.triggers.take();
        let new = self.body(spec, &flow, &outputs)?;
        let id = apply_deployment(&*session.client, &new).await?;
        if let Some(triggers) = triggers {
            triggers::replace(session, id, &new.name, triggers).await?;
        }
        let full = one_line(&format!("{}/{}", new.flow, new.name));
        session.out.line(format!("Deployed '{full}' ({id})."))?;
        session.out.line(format!("A run of it: {} deployment run '{full}'", called::name()))?;
        let pool = new.fields.get("work_pool_name").and_then(Value::as_str).unwrap_or_default();
        session.out.line(format!("A worker: {} worker start --pool '{}'", called::name(), one_line(pool)))
    }

    async fn carry_out(
        &self,
        what: &str,
        steps: Option<&[Map<String, Value>]>,
        outputs: Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let Some(steps @ [_, ..]) = steps else { return Ok(outputs) };
        note(&format!("Carrying out the {what} steps."));
        Ok(self.steps.carry_out(steps, &self.here, outputs).await.map_err(failed)?.outputs)
    }

    async fn describe(&self) -> Result<FlowDescription, Failure> {
        let (path, flow) = match &self.entrypoint {
            Entrypoint::Python(entrypoint) => return describe_python(&self.python, entrypoint).await.map_err(failed),
            Entrypoint::Program { path, flow } => (path, flow),
        };
        let program = describe(path).await.map_err(failed)?;
        let known: Vec<String> = program.flows.iter().map(|flow| flow.name.clone()).collect();
        program.flows.into_iter().find(|described| described.name == *flow).ok_or_else(|| {
            let (flow, known) = (one_line(flow), known.join(", "));
            Failure::new(format!("the program has no flow named `{flow}`; it has: {known}"))
        })
    }

    /// Writes it as the API has it.
    fn body(&self, spec: Spec, flow: &FlowDescription, outputs: &Map<String, Value>) -> Result<NewDeployment, Failure> {
        let name = spec.name.clone().unwrap_or_default();
        let job_variables = spec.work_pool.job_variables.clone();
        let mut fields = body(spec, flow)?;
        let mut say = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        let Place { entrypoint, path, pull } = self.place(&job_variables);
        say("entrypoint", json!(entrypoint));
        say("path", json!(path));
        let pull = Value::Array(pull.into_iter().map(Value::Object).collect());
        say("pull_steps", with_outputs(&pull, outputs, Unknown::Kept).unwrap_or_default());
        Ok(NewDeployment { flow: flow.name.clone(), flow_tags: flow.tags.clone(), name, fields })
    }

    /// Says where workers find the flow.
    fn place(&self, job_variables: &Map<String, Value>) -> Place {
        let go = |to: &Path| {
            let inputs = json!({"directory": to});
            vec![[("prefect.deployments.steps.set_working_directory".to_owned(), inputs)].into_iter().collect()]
        };
        match (&self.entrypoint, &self.written.steps.pull) {
            (Entrypoint::Program { path, flow }, Some(pull)) => {
                let path = path.strip_prefix(&self.here).unwrap_or(path);
                Place { entrypoint: format!("{}:{flow}", path.display()), path: None, pull: pull.clone() }
            }
            (Entrypoint::Program { path, flow }, None) => {
                let entrypoint = format!("{}:{flow}", path.display());
                Place { entrypoint, path: Some(self.here.clone()), pull: Vec::new() }
            }
            (Entrypoint::Python(entrypoint), Some(pull)) => {
                Place { entrypoint: entrypoint.clone(), path: None, pull: pull.clone() }
            }
            (Entrypoint::Python(entrypoint), None) => {
                // This folder is of no use in an image.
                let has_image = job_variables.get("image").is_some_and(|image| !image.is_null());
                let folder = if has_image { Path::new(IN_IMAGES) } else { &self.here };
                Place { entrypoint: entrypoint.clone(), path: None, pull: go(folder) }
            }
        }
    }
}

/// Where workers find a flow.
struct Place {
    entrypoint: String,
    /// The folder that a program is started in, if no pull step says.
    path: Option<PathBuf>,
    pull: Vec<Map<String, Value>>,
}
