//! Pull steps of deployments whose flow is in a program: how its code comes to where it is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

/// Carries out the steps, and gives the directory that the program is started in, if one of them says.
pub(crate) async fn carry_out(steps: &[BTreeMap<String, Value>]) -> Result<Option<PathBuf>, String> {
    let mut directory: Option<PathBuf> = None;
    for step in steps {
        for (name, inputs) in step {
            let short = name.rsplit('.').next().unwrap_or(name);
            let failed = |why: String| format!("the pull step `{short}` failed: {why}");
            match short {
                "set_working_directory" => {
                    let path = text(inputs, "directory").ok_or_else(|| failed("it names no `directory`".to_owned()))?;
                    let path = directory.as_deref().unwrap_or(Path::new("")).join(path);
                    if !path.is_dir() {
                        return Err(failed(format!("there is no folder {}", path.display())));
                    }
                    directory = Some(path);
                }
                "run_shell_script" => {
                    let script = text(inputs, "script").ok_or_else(|| failed("it has no `script`".to_owned()))?;
                    let at = text(inputs, "directory").map(PathBuf::from).or_else(|| directory.clone());
                    run("sh", &["-c", script], at.as_deref()).await.map_err(failed)?;
                }
                "git_clone" => directory = Some(clone(inputs, directory.as_deref()).await.map_err(failed)?),
                _ => {
                    return Err(format!(
                        "the pull step `{name}` is not known for programs: there are set_working_directory, run_shell_script \
                         and git_clone"
                    ));
                }
            }
        }
    }
    Ok(directory)
}

fn text<'a>(inputs: &'a Value, name: &str) -> Option<&'a str> {
    inputs.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Clones a repository, or brings the clone that is there up to date.
async fn clone(inputs: &Value, under: Option<&Path>) -> Result<PathBuf, String> {
    let repository = text(inputs, "repository").ok_or("it names no `repository`")?;
    let name = repository.trim_end_matches('/').rsplit('/').next().unwrap_or(repository).trim_end_matches(".git");
    let branch = text(inputs, "branch");
    let folder = match (text(inputs, "clone_directory_name"), branch) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(branch)) => format!("{name}-{}", branch.replace('/', "-")),
        (None, None) => name.to_owned(),
    };
    let folder = under.unwrap_or(Path::new("")).join(folder);
    if folder.join(".git").is_dir() {
        run("git", &["pull", "--ff-only"], Some(&folder)).await?;
        return Ok(folder);
    }
    let place = folder.to_string_lossy().into_owned();
    let mut arguments = vec!["clone"];
    if let Some(branch) = branch {
        arguments.extend(["--branch", branch]);
    }
    if text(inputs, "commit_sha").is_none() {
        arguments.extend(["--depth", "1"]);
    }
    if inputs.get("include_submodules") == Some(&Value::Bool(true)) {
        arguments.push("--recurse-submodules");
    }
    arguments.extend(["--", repository, &place]);
    run("git", &arguments, None).await?;
    if let Some(commit) = text(inputs, "commit_sha") {
        run("git", &["checkout", commit], Some(&folder)).await?;
    }
    Ok(folder)
}

/// Runs a program to its end.
async fn run(program: &str, arguments: &[&str], directory: Option<&Path>) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let output = command.output().await.map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`{program}`: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn steps(steps: Value) -> Vec<BTreeMap<String, Value>> {
        serde_json::from_value(steps).unwrap()
    }

    #[tokio::test]
    async fn steps_follow_each_other_in_the_directory_that_they_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let all = steps(json!([
            {"prefect.deployments.steps.set_working_directory": {"directory": path}},
            {"prefect.deployments.steps.run_shell_script": {"script": "mkdir code && echo hello > code/file"}},
            {"set_working_directory": {"directory": "code"}},
        ]));
        let directory = carry_out(&all).await.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(directory.join("file")).unwrap(), "hello\n");
    }

    #[tokio::test]
    async fn a_step_that_fails_or_is_not_known_says_so() {
        let why = |value: Value| async { carry_out(&steps(value)).await.unwrap_err() };
        let failed = why(json!([{"run_shell_script": {"script": "echo lost >&2; exit 3"}}])).await;
        assert!(failed.contains("lost") && failed.contains("exit status: 3"), "{failed}");
        assert!(why(json!([{"set_working_directory": {"directory": "/nowhere/at/all"}}])).await.contains("no folder"));
        let unknown = why(json!([{"prefect_aws.deployments.steps.pull_from_s3": {}}])).await;
        assert!(unknown.contains("not known") && unknown.contains("git_clone"), "{unknown}");
    }

    #[tokio::test]
    async fn a_repository_is_cloned_once_and_then_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let script = "git init -q -b main origin && cd origin && git config user.email a@b.c && git config user.name n \
                      && echo one > file && git add file && git commit -qm one";
        run("sh", &["-c", script], Some(folder.path())).await.unwrap();
        let origin = folder.path().join("origin");
        let clone = json!({"git_clone": {"repository": format!("file://{}", origin.display()), "branch": "main"}});
        let under = json!({"set_working_directory": {"directory": folder.path()}});
        let all = steps(json!([under, clone]));
        let directory = carry_out(&all).await.unwrap().unwrap();
        assert!(directory.ends_with("origin-main"));
        run("sh", &["-c", "echo two > file && git commit -qam two"], Some(&origin)).await.unwrap();
        let again = carry_out(&all).await.unwrap().unwrap();
        assert_eq!(
            (again.clone(), std::fs::read_to_string(again.join("file")).unwrap()),
            (directory, "two\n".to_owned())
        );
    }
}
