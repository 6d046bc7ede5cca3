//! What is to be executed for a run, and with what: the same for processes and containers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flowcore::EXECUTE;
use flowcore::model::FlowRunId;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::bodies::{Deployment, Run};
use crate::credentials::Credentials;
use crate::entrypoint::Entrypoint;
use crate::template::fill;

/// What pool, deployment and run say together.
#[derive(Debug, PartialEq)]
pub(crate) struct Job {
    /// The run.
    pub(crate) run: FlowRunId,
    /// The id of the pool.
    pub(crate) pool: Uuid,
    /// What it and those around it are called, by Prefect's labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Where its flow is.
    pub(crate) entrypoint: Entrypoint,
    /// What is to be started instead of that.
    pub(crate) command: Option<String>,
    /// The folder that the deployment names.
    pub(crate) path: Option<PathBuf>,
    /// How its code comes to where it is executed.
    pub(crate) pull_steps: Vec<Map<String, Value>>,
    /// The environment, as far as it is said.
    pub(crate) variables: BTreeMap<String, String>,
    /// The filled job template.
    pub(crate) settings: Map<String, Value>,
}

/// What a worker says of all its jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    pub(crate) pool: String,
    pub(crate) worker: String,
    /// Where the API is.
    pub(crate) api_url: String,
    pub(crate) credentials: Credentials,
    /// Further variables.
    pub(crate) variables: Vec<(String, String)>,
    /// Whether this is within what some worker has started: its command and its folder are in force already.
    pub(crate) is_within: bool,
}

impl Job {
    /// Fills the template in. Placeholders for what the server and the machine know are still in it.
    pub(crate) fn settings(
        common: &Common,
        template: &Map<String, Value>,
        deployment: &Deployment,
        run: &Run,
    ) -> Map<String, Value> {
        let overrides = [deployment.job_variables.as_ref(), run.job_variables.as_ref()];
        let overrides: Vec<&Map<String, Value>> = overrides.into_iter().flatten().collect();
        let mut settings = fill(template, &overrides);
        if common.is_within {
            settings.retain(|name, _| name == "env");
        }
        settings
    }

    /// Puts together what is said, with the template filled in.
    pub(crate) fn new(
        common: &Common,
        pool: Uuid,
        settings: Map<String, Value>,
        deployment: &Deployment,
        run: &Run,
    ) -> Result<Self, String> {
        let entrypoint = deployment
            .entrypoint
            .as_deref()
            .ok_or_else(|| format!("its deployment `{}` has no entrypoint: deploy it anew", deployment.name))?;
        let mut job = Job {
            run: FlowRunId(run.id),
            pool,
            labels: BTreeMap::new(),
            entrypoint: entrypoint.parse().map_err(|error| format!("{error}"))?,
            command: None,
            path: deployment.path.as_deref().filter(|path| !path.is_empty()).map(PathBuf::from),
            pull_steps: deployment.pull_steps.clone().unwrap_or_default(),
            variables: BTreeMap::new(),
            settings,
        };
        job.command = job.text("command").map(str::to_owned);
        job.variables = job.environment(common);
        job.labels = job.labels(common, deployment, run);
        Ok(job)
    }

    /// Gives a setting that is a text with something in it.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    /// Tells whether a setting is on.
    pub(crate) fn is_on(&self, name: &str, default: bool) -> bool {
        self.settings.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    fn environment(&self, common: &Common) -> BTreeMap<String, String> {
        let id = self.run.to_string();
        let own = [
            ("PREFECT_API_URL", &common.api_url),
            ("FLOWCORE_API_URL", &common.api_url),
            (EXECUTE, &id),
            ("PREFECT__FLOW_RUN_ID", &id),
        ];
        let mut all: BTreeMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        all.extend(common.variables.iter().cloned());
        let said = self.settings.get("env").and_then(Value::as_object).into_iter().flatten();
        all.extend(said.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), plain(value))));
        common.credentials.add_to(&mut all);
        all
    }

    /// Says whose it is, as Prefect's workers do, and below what the job says itself.
    fn labels(&self, common: &Common, deployment: &Deployment, run: &Run) -> BTreeMap<String, String> {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string());
        let own = [
            ("flow-run-id", Some(run.id.to_string())),
            ("flow-run-name", Some(run.name.clone())),
            ("flow-id", id(run.flow_id)),
            ("deployment-id", id(run.deployment_id)),
            ("deployment-name", Some(deployment.name.clone())),
            ("work-pool-name", Some(common.pool.clone())),
            ("worker-name", Some(common.worker.clone())),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((format!("prefect.io/{name}"), value?)));
        let said = self.settings.get("labels").and_then(Value::as_object).into_iter().flatten();
        let said = said.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), plain(value)));
        // Last what a worker looks for.
        said.chain(own).collect()
    }
}

/// Writes a value as a text without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    /// Puts a job together, with a template that passes on all that is said.
    pub(crate) fn job(entrypoint: &str, of_deployment: &Value, of_run: &Value) -> Result<Job, String> {
        let deployment = json!({
            "name": "d", "entrypoint": entrypoint, "path": "/srv/etl", "job_variables": of_deployment,
        });
        let deployment: Deployment = serde_json::from_value(deployment).unwrap_or_else(|error| panic!("{error}"));
        let run = json!({"id": Uuid::nil(), "name": "r", "job_variables": of_run});
        let run: Run = serde_json::from_value(run).unwrap_or_else(|error| panic!("{error}"));
        let common = Common {
            pool: "p".to_owned(),
            worker: "w".to_owned(),
            api_url: "http://127.0.0.1:4200/api".to_owned(),
            credentials: Credentials { auth_string: Some("worker:secret".to_owned()), ..Credentials::default() },
            variables: vec![("FLOWCORE_HOME".to_owned(), "/home".to_owned())],
            is_within: false,
        };
        let said = [of_deployment, of_run].into_iter().filter_map(Value::as_object).flatten();
        let fields: Map<String, Value> =
            said.map(|(name, _)| (name.clone(), json!(format!("{{{{ {name} }}}}")))).collect();
        let template = Map::from_iter([("job_configuration".to_owned(), Value::Object(fields))]);
        let settings = Job::settings(&common, &template, &deployment, &run);
        Job::new(&common, Uuid::nil(), settings, &deployment, &run)
    }

    #[test]
    fn a_job_is_what_pool_deployment_and_run_say() -> Result<(), String> {
        let of_deployment = json!({"env": {"A": 1, "FLOWCORE_HOME": "/own", "NONE": null}});
        let of_run =
            json!({"env": {"B": "x"}, "command": "make run", "labels": {"team": "x", "prefect.io/worker-name": "y"}});
        let job = job("bin/etl:report", &of_deployment, &of_run)?;
        assert_eq!(job.entrypoint, Entrypoint::Program { path: "bin/etl".into(), flow: "report".to_owned() });
        assert_eq!((job.path.as_deref(), job.command.as_deref()), (Some(Path::new("/srv/etl")), Some("make run")));
        let variable = |name: &str| job.variables.get(name).map(String::as_str);
        assert_eq!((variable("A"), variable("B"), variable("NONE")), (Some("1"), Some("x"), None));
        assert_eq!(variable("FLOWCORE_HOME"), Some("/own"), "what the job says goes before what the worker says");
        assert_eq!(variable("PREFECT__FLOW_RUN_ID"), Some(&*Uuid::nil().to_string()));
        assert_eq!(variable("PREFECT_API_AUTH_STRING"), Some("worker:secret"));
        assert_eq!((&*job.labels["team"], &*job.labels["prefect.io/worker-name"]), ("x", "w"));
        Ok(())
    }

    #[test]
    fn a_run_does_not_see_the_workers_credential_beside_its_own() -> Result<(), String> {
        let job = job("etl.py:report", &json!({"env": {"PREFECT_API_KEY": "own"}}), &Value::Null)?;
        assert!(!job.variables.values().any(|value| value.contains("secret")), "{:?}", job.variables);
        Ok(())
    }

    #[test]
    fn an_entrypoint_that_is_none_is_refused() {
        assert!(job("etl", &Value::Null, &Value::Null).is_err_and(|why| why.contains("etl")));
    }
}
