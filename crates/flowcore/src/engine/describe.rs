//! What a program says of its flows when it is asked: by whoever wants to deploy one of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{FlowDefinition, flows};
use super::error::Error;

/// The environment variable that tells a program to write what it is into this file, and to end.
pub const DESCRIBE: &str = "FLOWCORE_DESCRIBE_TO";

/// Stands in every program that understands [`DESCRIBE`], so that no other one is started for it.
pub const DESCRIBES_ITSELF: &str = "flowcore-program-description:1";

/// A program's flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Names this form: [`DESCRIBES_ITSELF`].
    pub format: String,
    /// The flows, by name.
    pub flows: Vec<FlowDescription>,
}

/// A flow, as far as its deployments need to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowDescription {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its version.
    pub version: Option<String>,
    /// The tags of its runs.
    pub tags: Vec<String>,
    /// The JSON schema of its parameters, in the form that Prefect's deployments carry.
    pub parameter_schema: Value,
    /// Where its function is.
    pub place: String,
}

impl From<&FlowDefinition> for FlowDescription {
    fn from(flow: &FlowDefinition) -> Self {
        FlowDescription {
            name: flow.name(),
            description: flow.description().to_owned(),
            version: flow.version().map(str::to_owned),
            tags: flow.tags().to_vec(),
            parameter_schema: flow.parameter_schema(),
            place: format!("{}:{}", flow.site.file, flow.site.line),
        }
    }
}

/// Writes what this program is, if it was started for that; tells whether it was.
pub(super) fn describe() -> Result<bool, Error> {
    let Some(path) = std::env::var_os(DESCRIBE) else { return Ok(false) };
    let mut flows: Vec<FlowDescription> = flows().map(FlowDescription::from).collect();
    flows.sort_by(|one, other| one.name.cmp(&other.name));
    let description = Description { format: DESCRIBES_ITSELF.to_owned(), flows };
    std::fs::write(path, serde_json::to_vec(&description)?)?;
    Ok(true)
}
