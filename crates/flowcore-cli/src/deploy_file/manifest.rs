//! The file of one deployment that Prefect 2 had: what its `deployment build` wrote and its `deployment apply` read.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::check::check_fields;
use super::file::read;
use super::shape::MANIFEST;
use super::spec::Spec;
use super::yaml::parse;
use crate::failure::Failure;
use crate::text::one_line;

/// The only infrastructure that a work pool of processes stands for.
const PROCESS: &str = "process";

/// What such a file says.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The flow's name.
    pub(crate) flow: String,
    pub(crate) entrypoint: String,
    /// The folder in which the entrypoint is.
    pub(crate) path: Option<PathBuf>,
    /// How the code comes to where it is executed, if it does not lie there.
    pub(crate) pull: Option<Map<String, Value>>,
    pub(crate) parameter_schema: Value,
    pub(crate) triggers: Vec<Map<String, Value>>,
    /// All else, in the words of today.
    pub(crate) spec: Spec,
}

impl Manifest {
    /// Reads a file and refuses what it may not say.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let fields = read(path, |text| {
            let Some(node) = parse(text)? else { return Ok(Map::new()) };
            check_fields(&node, &MANIFEST)?;
            let mut file = node.json();
            Ok(file.as_object_mut().map(std::mem::take).unwrap_or_default())
        })?;
        Manifest::of(fields).map_err(|why| Failure::new(format!("{}: {why}", one_line(&path.to_string_lossy()))))
    }

    fn of(mut fields: Map<String, Value>) -> Result<Self, String> {
        // It was written with every key, most of them without a value.
        fields.retain(|_, value| !value.is_null());
        let mut text = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let flow = text("flow_name").ok_or("it has no `flow_name`: name the flow as it calls itself")?;
        let entrypoint = text("entrypoint").ok_or("it has no `entrypoint`, such as flow.py:function")?;
        let path = text("path").map(PathBuf::from);
        drop((text("manifest_path"), fields.remove("timestamp")));
        let object = |value: Option<Value>| value.and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let mut job_variables = variables_of(object(fields.remove("infrastructure")))?;
        for name in ["infra_overrides", "job_variables"] {
            job_variables.extend(object(fields.remove(name)).into_iter().map(nested));
        }
        let pull = fetched_from(&object(fields.remove("storage")))?;
        // Then the path is one within the storage, and the other one is that of the machine on which the file was written.
        let (entrypoint, path) = match (&pull, path) {
            (Some(_), Some(path)) if path.is_relative() => (path.join(entrypoint).display().to_string(), None),
            (Some(_), _) => (entrypoint, None),
            (None, path) => (entrypoint, path),
        };
        let schema = fields.remove("parameter_openapi_schema");
        let triggers = fields.remove("triggers").and_then(|triggers| triggers.as_array().cloned()).unwrap_or_default();
        if let Some(Value::Bool(active)) = fields.remove("is_schedule_active") {
            fields.entry("paused").or_insert(Value::Bool(!active));
        }
        let (pool, queue) = (fields.remove("work_pool_name"), fields.remove("work_queue_name"));
        fields.insert(
            "work_pool".to_owned(),
            json!({"name": pool, "work_queue_name": queue, "job_variables": job_variables}),
        );
        if fields.get("schedules").and_then(Value::as_array).is_some_and(|all| !all.is_empty()) {
            // Later files have both, the one being the first of the others.
            fields.remove("schedule");
        }
        if fields.contains_key("schedule") {
            fields.remove("schedules");
        }
        let spec = Spec::read(fields)?;
        if spec.name.as_deref().is_none_or(str::is_empty) {
            return Err("it has no `name`".to_owned());
        }
        Ok(Manifest {
            flow,
            entrypoint,
            path,
            pull,
            parameter_schema: schema.unwrap_or_else(|| json!({"type": "object", "properties": {}})),
            triggers: triggers.iter().filter_map(|trigger| trigger.as_object().cloned()).collect(),
            spec,
        })
    }
}

/// Takes an override apart that names what is within another value, as in `env.NAME`.
fn nested((name, value): (String, Value)) -> (String, Value) {
    match name.split_once('.') {
        Some((outer, inner)) => (outer.to_owned(), json!({inner: value})),
        None => (name, value),
    }
}

/// Gives what a process of Prefect 2 was told, as variables of a job.
fn variables_of(mut infrastructure: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let kind = infrastructure.get("type").and_then(Value::as_str).unwrap_or(PROCESS);
    if kind != PROCESS {
        return Err(format!(
            "its infrastructure is a `{kind}`: name a work pool of that kind as `work_pool_name`, say under `infra_overrides` what its \
             jobs need, and remove `infrastructure`"
        ));
    }
    // Of its command there is nothing to keep: it is what starts Prefect's engine.
    let is_said = |value: &Value| value.as_object().map_or(!value.is_null(), |object| !object.is_empty());
    let said = ["env", "working_dir", "stream_output"].into_iter();
    Ok(said
        .filter_map(|name| Some((name.to_owned(), infrastructure.remove(name)?)))
        .filter(|(_, value)| is_said(value))
        .collect())
}

/// Gives the step that fetches code from a block of storage. None: it lies where it is executed.
fn fetched_from(storage: &Map<String, Value>) -> Result<Option<Map<String, Value>>, String> {
    if storage.is_empty() {
        return Ok(None);
    }
    let text = |names: [&str; 2]| names.iter().find_map(|name| storage.get(*name)?.as_str());
    let kind = text(["_block_type_slug", "block_type_slug"]);
    let (Some(kind), Some(name)) = (kind, text(["_block_document_name", "block_document_name"])) else {
        return Err("its storage is no saved block: save it, or write a prefect.yaml with pull steps for it".to_owned());
    };
    let inputs = json!({"block_type_slug": kind, "block_document_name": name});
    Ok(Some([("prefect.deployments.steps.pull_with_block".to_owned(), inputs)].into_iter().collect()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn manifest(fields: Value) -> Result<Manifest, String> {
        Manifest::of(fields.as_object().cloned().unwrap())
    }

    fn with(more: Value) -> Result<Manifest, String> {
        let mut all =
            json!({"name": "cats", "flow_name": "cat-facts", "entrypoint": "catfact.py:flow", "path": "/srv"});
        all.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        manifest(all)
    }

    #[test]
    fn a_file_as_prefect_2_wrote_it_is_read() {
        let read = with(json!({
            "description": null, "version": 2, "work_queue_name": "test", "work_pool_name": null, "tags": ["a"], "parameters": {"n": 1},
            "schedule": {"interval": 600.0, "anchor_date": "2023-01-01T00:00:00+00:00", "timezone": "UTC"}, "is_schedule_active": false,
            "infra_overrides": {"env.LEVEL": "DEBUG"},
            "infrastructure": {"type": "process", "env": {}, "labels": {}, "name": null, "command": ["python", "-m", "prefect.engine"],
                "stream_output": true, "block_type_slug": "process"},
            "storage": null, "manifest_path": null, "timestamp": "2023-02-08T23:00:14",
        }));
        let read = read.unwrap();
        assert_eq!(
            (&*read.flow, &*read.entrypoint, read.path.as_deref()),
            ("cat-facts", "catfact.py:flow", Some(Path::new("/srv")))
        );
        assert!(read.pull.is_none());
        let Spec { version, paused, work_pool, schedules, .. } = read.spec;
        assert_eq!((version.as_deref(), paused), (Some("2"), Some(true)));
        assert_eq!((work_pool.name, work_pool.work_queue_name.as_deref()), (None, Some("test")));
        assert_eq!(json!(work_pool.job_variables), json!({"env": {"LEVEL": "DEBUG"}, "stream_output": true}));
        let rule =
            json!({"schedule": {"interval": 600.0, "anchor_date": "2023-01-01T00:00:00+00:00", "timezone": "UTC"}});
        assert_eq!(schedules.unwrap().pop().unwrap().body(), Ok(rule));
    }

    #[test]
    fn schedules_that_a_file_leaves_open_stay_open() {
        assert!(with(json!({"schedule": null})).unwrap().spec.schedules.is_none());
        assert!(with(json!({"schedule": null, "schedules": []})).unwrap().spec.schedules.unwrap().is_empty());
        let both = with(
            json!({"schedule": {"cron": "0 1 * * *"}, "schedules": [{"active": true, "schedule": {"cron": "0 2 * * *"}}]}),
        );
        assert_eq!(both.unwrap().spec.schedules.unwrap().len(), 1);
    }

    #[test]
    fn code_is_fetched_from_a_block_and_what_is_no_longer_there_is_refused() {
        let storage = json!({"storage": {"basepath": "s3://x", "_block_type_slug": "s3", "_block_document_name": "code"},
            "path": "flows"});
        let inputs = json!({"block_type_slug": "s3", "block_document_name": "code"});
        let read = with(storage).unwrap();
        assert_eq!(json!(read.pull), json!({"prefect.deployments.steps.pull_with_block": inputs}));
        assert_eq!((&*read.entrypoint, read.path), ("flows/catfact.py:flow", None));
        let anonymous = with(json!({"storage": {"basepath": "/x"}})).unwrap_err();
        assert!(anonymous.contains("no saved block"), "{anonymous}");
        let docker = with(json!({"infrastructure": {"type": "docker-container", "image": "x"}})).unwrap_err();
        assert!(docker.contains("`docker-container`") && docker.contains("work_pool_name"), "{docker}");
        assert!(manifest(json!({"name": "x", "entrypoint": "a:b"})).unwrap_err().contains("flow_name"));
    }
}
