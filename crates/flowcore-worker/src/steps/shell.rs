//! `run_shell_script`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tokio::process::Command;

use super::carry_out::Report;
use super::command::{Written, run};
use super::inputs::Inputs;
use crate::environment::Inherited;

pub(super) const INPUTS: &[&str] = &["script", "directory", "env", "stream_output", "expand_env_vars", "shell"];

/// Runs the lines of a script one after the other, until one fails. Each is a command with its arguments, for which no shell is
/// asked unless `shell` says so.
pub(super) async fn run_shell_script(
    inputs: &Inputs,
    at: &Path,
    report: &Report,
    inherited: Option<&Inherited>,
) -> Result<Map<String, Value>, String> {
    let script = inputs.needed("script")?;
    let directory = inputs.text("directory")?.map_or_else(|| at.to_owned(), |directory| at.join(directory));
    let report = inputs.flag("stream_output", true)?.then_some(report);
    let (expands, shell) = (inputs.flag("expand_env_vars", false)?, inputs.flag("shell", false)?);
    let mut given = BTreeMap::new();
    for (name, value) in inputs.object("env")?.into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        given.insert(name.clone(), value);
    }
    let is_passed_on = |name: &str| inherited.is_none_or(|inherited| inherited.has(name));
    let look =
        |name: &str| given.get(name).cloned().or_else(|| std::env::var(name).ok().filter(|_| is_passed_on(name)));
    let mut written = Written::default();
    for line in script.lines() {
        let line = if expands { expand(line, &look) } else { line.to_owned() };
        let mut command = match shell {
            true if line.trim().is_empty() => continue,
            true => {
                let mut command = Command::new("sh");
                command.args(["-c", line.trim()]);
                command
            }
            false => {
                let words = shlex::split(&line).ok_or_else(|| format!("a quote is not closed in `{line}`"))?;
                let Some((program, arguments)) = words.split_first() else { continue };
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        command.current_dir(&directory).envs(&given);
        written.add(run(command, report, inherited).await?);
    }
    Ok(written.outputs())
}

/// Replaces `$NAME` and `${NAME}` by environment variables; what is not set stays, and `$$` is a dollar.
fn expand(line: &str, look: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut expanded, mut rest) = (String::new(), line);
    while let Some((before, behind)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(behind) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
            continue;
        }
        let inner = behind.strip_prefix('{').unwrap_or(behind);
        let end = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(inner.len());
        let (name, after) = inner.split_at(end);
        let after = if inner.len() < behind.len() { after.strip_prefix('}') } else { Some(after) };
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        match (look(name).filter(|_| is_name), after) {
            (Some(value), Some(after)) => {
                expanded.push_str(&value);
                rest = after;
            }
            _ => {
                expanded.push('$');
                rest = behind;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn variables_of_a_line_are_expanded() {
        let given = |name: &str| (name == "NAME").then(|| "World".to_owned());
        let line = "echo $NAME ${NAME}s $NAME_ $$5 $1 ${NAME $no_such_variable $";
        assert_eq!(expand(line, &given), "echo World Worlds $NAME_ $5 $1 ${NAME $no_such_variable $");
    }

    proptest! {
        #[test]
        fn no_line_ends_in_a_panic(line in any::<String>(), likely in "[${}A_ a]{0,20}") {
            let given = |name: &str| (name == "A").then(|| "b".to_owned());
            let _ = expand(&line, &given);
            let _ = expand(&likely, &given);
        }
    }
}
