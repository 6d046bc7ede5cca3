//! What takes an interpreter of Python: `pip_install_requirements`, and steps that are functions.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::carry_out::Steps;
use super::command::run;
use super::inputs::Inputs;

pub(super) const INPUTS: &[&str] = &["directory", "requirements_file", "stream_output"];

/// Installs the packages that a file names.
pub(super) async fn pip_install_requirements(
    inputs: &Inputs,
    at: &Path,
    steps: &Steps,
) -> Result<Map<String, Value>, String> {
    let file = inputs.text("requirements_file")?.unwrap_or("requirements.txt");
    let mut command = Command::new(&steps.python);
    command.args(["-m", "pip", "install", "-r", file]);
    command.current_dir(inputs.text("directory")?.map_or_else(|| at.to_owned(), |directory| at.join(directory)));
    let report = inputs.flag("stream_output", true)?.then_some(&steps.report);
    Ok(run(command, report, steps.inherited.as_ref()).await?.outputs())
}

/// Calls a step that is a function, by Prefect's own machinery, and writes what it gives where the second argument says.
const CALL: &str = "
import asyncio, json, sys
from prefect.deployments.steps.core import run_step
outputs = asyncio.run(run_step(json.load(sys.stdin)))
with open(sys.argv[1], 'w') as file:
    json.dump(outputs if isinstance(outputs, dict) else {}, file, default=str)
";

/// Calls a step that is a function in Python. Inputs go by a pipe: there may be secrets among them.
pub(super) async fn call(
    name: &str,
    inputs: &Map<String, Value>,
    at: &Path,
    steps: &Steps,
) -> Result<Map<String, Value>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let told = folder.path().join("outputs.json");
    let mut command = Command::new(&steps.python);
    command.arg("-c").arg(CALL).arg(&told).current_dir(at).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(inherited) = &steps.inherited {
        inherited.limit(&mut command);
    }
    let shown = steps.python.display();
    let mut child = command
        .spawn()
        .map_err(|error| format!("it is a function in Python, and `{shown}` cannot be started: {error}"))?;
    let step = json!({name: inputs}).to_string();
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it says why on its other outputs.
        let _ = stdin.write_all(step.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&output.stdout).lines().for_each(|line| (steps.report)(line));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(format!(
            "it is a function in Python, and `{shown}` could not call it: {last} (is Prefect installed for it, and the step's package?)"
        ));
    }
    let outputs = std::fs::read(&told).map_err(|error| error.to_string())?;
    serde_json::from_slice(&outputs).map_err(|error| error.to_string())
}
