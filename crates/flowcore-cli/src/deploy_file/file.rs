//! A file as it is written: its deployments and steps, with their placeholders.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::check::check_fields;
use super::shape::FILE;
use super::yaml::{Wrong, parse};
use crate::failure::Failure;
use crate::text::one_line;

/// The files that are looked for in the current folder; the first goes before the second.
const NAMES: [&str; 2] = ["flowcore.yaml", "prefect.yaml"];

/// The steps that bring code to where it is executed. None: nothing is said; an empty list says that there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    pub(crate) build: Option<Vec<Map<String, Value>>>,
    pub(crate) push: Option<Vec<Map<String, Value>>>,
    pub(crate) pull: Option<Vec<Map<String, Value>>>,
}

/// A deployment as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// Its keys, but for its steps.
    pub(crate) fields: Map<String, Value>,
    /// Its own steps, or else the file's.
    pub(crate) steps: Steps,
}

impl Written {
    /// The name, if it has one.
    pub(crate) fn name(&self) -> Option<String> {
        match self.fields.get("name")? {
            Value::String(name) => Some(name.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// What the entrypoint names: a function, or a flow.
    pub(crate) fn flow(&self) -> Option<&str> {
        let entrypoint = self.fields.get("entrypoint")?.as_str()?;
        entrypoint.rsplit([':', '.']).next()
    }
}

/// A file with its deployments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DeployFile {
    pub(crate) deployments: Vec<Written>,
    /// The steps of deployments that say nothing of steps.
    pub(crate) steps: Steps,
}

/// Finds the file: the one that was named, or the one in the current folder.
pub(crate) fn find(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(named) => Some(named.to_owned()),
        None => NAMES.iter().map(PathBuf::from).find(|path| path.is_file()),
    }
}

/// Reads a file of YAML, or of JSON, that may say whatever it likes.
pub(crate) fn read_any(path: &Path) -> Result<Value, Failure> {
    read(path, |text| Ok(parse(text)?.map(|node| node.json()).unwrap_or_default()))
}

pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> Result<T, Failure> {
    let shown = one_line(&path.to_string_lossy());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("the file {shown} cannot be read: {error}")))?;
    parse(&text).map_err(|wrong| Failure::new(format!("{shown}:{}", one_line(&wrong.to_string()))))
}

impl DeployFile {
    /// Reads a file and refuses what it may not say.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        read(path, DeployFile::parse)
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some(node) = parse(text)? else { return Ok(DeployFile::default()) };
        check_fields(&node, &FILE)?;
        let mut file = node.json();
        let fields = file.as_object_mut().map(std::mem::take).unwrap_or_default();
        Ok(DeployFile::of(fields))
    }

    fn of(mut fields: Map<String, Value>) -> Self {
        let steps = take_steps(&mut fields);
        let deployments = match fields.remove("deployments") {
            Some(Value::Array(deployments)) => deployments,
            _ => Vec::new(),
        };
        let written = |deployment: Value| {
            let Value::Object(mut fields) = deployment else { return None };
            let own = take_steps(&mut fields);
            let steps = Steps {
                build: own.build.or_else(|| steps.build.clone()),
                push: own.push.or_else(|| steps.push.clone()),
                pull: own.pull.or_else(|| steps.pull.clone()),
            };
            // Nothing is as good as no key.
            fields.retain(|_, value| !value.is_null());
            Some(Written { fields, steps })
        };
        DeployFile { deployments: deployments.into_iter().filter_map(written).collect(), steps }
    }
}

fn take_steps(fields: &mut Map<String, Value>) -> Steps {
    let mut take = |name: &str| {
        let objects = |value: Value| match value {
            Value::Object(step) if !step.is_empty() => Some(step),
            _ => None,
        };
        match fields.remove(name)? {
            Value::Null => None,
            Value::Array(steps) => Some(steps.into_iter().filter_map(objects).collect()),
            // One step without a list; an empty mapping says that there are none.
            step => Some(objects(step).into_iter().collect()),
        }
    };
    Steps { build: take("build"), push: take("push"), pull: take("pull") }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
