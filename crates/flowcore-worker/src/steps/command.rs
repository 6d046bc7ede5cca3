//! Programs that steps start.

use std::process::Stdio;

use serde_json::{Map, Value, json};
use tokio::io::AsyncRead;
use tokio::process::Command;

use super::carry_out::Report;
use crate::environment::Inherited;
use crate::output::Lines;

/// How much of what a program complained of is told when it fails, in letters.
const TOLD: usize = 2000;

/// What a program has written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Written {
    pub(super) fn add(&mut self, more: Written) {
        self.stdout.push_str(&more.stdout);
        self.stderr.push_str(&more.stderr);
    }

    /// Gives it as the outputs of a step.
    pub(super) fn outputs(self) -> Map<String, Value> {
        let outputs = [("stdout", self.stdout), ("stderr", self.stderr)];
        outputs.into_iter().map(|(name, text)| (name.to_owned(), json!(text.trim()))).collect()
    }
}

/// A text that must not be shown.
pub(super) fn without(secret: Option<&str>, text: String) -> String {
    match secret {
        Some(secret) if !secret.is_empty() => text.replace(secret, "***"),
        _ => text,
    }
}

/// Runs a program to its end, and gives what it has written; each line goes to `report` as well, if there is one. With
/// `inherited` it gets no more than that of this process's environment.
pub(super) async fn run(
    mut command: Command,
    report: Option<&Report>,
    inherited: Option<&Inherited>,
) -> Result<Written, String> {
    if let Some(inherited) = inherited {
        inherited.limit(&mut command);
    }
    let shown = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::join!(read(stdout, report), read(stderr, report));
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(Written { stdout, stderr });
    }
    let said = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
    let skipped = said.chars().count().saturating_sub(TOLD);
    Err(format!("`{shown}`: {status}: {}", said.chars().skip(skipped).collect::<String>()))
}

async fn read(output: Option<impl AsyncRead + Unpin>, report: Option<&Report>) -> String {
    let mut text = String::new();
    let Some(output) = output else { return text };
    let mut lines = Lines::new(output);
    while let Some(line) = lines.next().await {
        if let Some(report) = report {
            report(&line);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
