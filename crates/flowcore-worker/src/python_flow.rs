//! Asking Python of a flow.

use std::path::Path;
use std::process::Stdio;

use flowcore::FlowDescription;
use tokio::process::Command;

use crate::program::ProgramError;

/// Finds the flow of an entrypoint with Prefect's own machinery, and writes where the second argument says what a program that
/// is built with flowcore tells of a flow.
const DESCRIBE: &str = "
import json, sys
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
flow = load_flow_from_entrypoint(sys.argv[1])
schema = parameter_schema(flow).model_dump(mode='json', exclude_unset=True)
told = {'name': flow.name, 'description': flow.description or '', 'version': flow.version, 'tags': [],
        'parameter_schema': schema, 'place': sys.argv[1]}
with open(sys.argv[2], 'w') as file:
    json.dump(told, file)
";

/// Asks an interpreter, which has Prefect, of the flow that an entrypoint such as `flow.py:function` names. The file is loaded in
/// the current folder.
///
/// # Errors
///
/// The interpreter cannot be started, has no Prefect, or finds no such flow.
pub async fn describe_python(python: &Path, entrypoint: &str) -> Result<FlowDescription, ProgramError> {
    let failed =
        |reason: String| ProgramError::Python { entrypoint: entrypoint.to_owned(), python: python.to_owned(), reason };
    let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let told = folder.path().join("flow.json");
    let mut command = Command::new(python);
    command.args(["-c", DESCRIBE, entrypoint]).arg(&told).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        return Err(failed(last.trim().to_owned()));
    }
    let told = std::fs::read(&told).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&told).map_err(|error| failed(error.to_string()))
}
