//! `flowcore init`: a file of deployments to begin with.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::called;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::one_line;

const FILE: &str = "flowcore.yaml";

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The project's name; without it, the folder's.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How workers get the code.
    #[arg(long, value_enum, default_value = "local")]
    recipe: Recipe,
    /// What the recipe wants to know: bucket=NAME and folder=PATH for s3, repository=URL and branch=NAME for git, which it finds
    /// out itself in a clone.
    #[arg(long = "field", short, value_name = "NAME=VALUE")]
    fields: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Recipe {
    /// It is in this folder, on the machines of the workers.
    Local,
    /// Workers clone a repository.
    Git,
    /// It goes to a bucket when it is deployed; workers fetch it from there.
    S3,
}

pub(super) fn run(init: &Init, out: &mut Output) -> Result<(), Failure> {
    let here = std::env::current_dir()?;
    let folder = here.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = init.name.clone().or(folder).unwrap_or_else(|| "flows".to_owned());
    let text = text(&name, init)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(FILE).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(format!("there is a {FILE} already: it was left as it is")),
        _ => Failure::new(format!("{FILE} cannot be written: {error}")),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::new(format!("{FILE} cannot be written: {error}")))?;
    out.line(format!("Wrote {FILE} for the project '{}'.", one_line(&name)))?;
    out.line(format!("Fill in its deployment, then: {} deploy --all", called::name()))
}

/// Writes the file.
fn text(name: &str, init: &Init) -> Result<String, Failure> {
    let steps = match init.recipe {
        Recipe::Local => LOCAL.to_owned(),
        Recipe::Git => {
            let repository = field(init, "repository")?.or_else(|| git(&["remote", "get-url", "origin"]));
            let repository = repository.ok_or_else(|| missing("repository=https://example.org/flows.git"))?;
            let branch = field(init, "branch")?.or_else(|| git(&["rev-parse", "--abbrev-ref", "HEAD"]));
            let branch = branch.unwrap_or_else(|| "main".to_owned());
            GIT.replace("REPOSITORY", &quoted(&repository)).replace("BRANCH", &quoted(&branch))
        }
        Recipe::S3 => {
            let bucket = field(init, "bucket")?.ok_or_else(|| missing("bucket=NAME"))?;
            let folder = field(init, "folder")?.unwrap_or_else(|| name.to_owned());
            S3.replace("ADDRESS", &quoted(&format!("s3://{bucket}/{folder}")))
        }
    };
    Ok(format!("{HEAD}name: {}\n\n{steps}\n{DEPLOYMENTS}", quoted(name)))
}

fn missing(field: &str) -> Failure {
    Failure::Usage(format!("the recipe wants to know more: --field {field}"))
}

/// Finds what `--field NAME=VALUE` says.
fn field(init: &Init, name: &str) -> Result<Option<String>, Failure> {
    let mut found = None;
    for field in &init.fields {
        match field.split_once('=') {
            Some((key, value)) if key == name => found = Some(value.to_owned()),
            Some(_) => {}
            None => return Err(Failure::Usage(format!("`{}` is no NAME=VALUE", one_line(field)))),
        }
    }
    Ok(found)
}

/// Asks git about this folder.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.trim().to_owned()).filter(|said| !said.is_empty())
}

/// Writes a text as YAML, which reads what JSON is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const HEAD: &str = "\
# What `flowcore deploy` makes known to the server. Prefect reads the same file under the name prefect.yaml.
#
# A text may have placeholders: {{ prefect.variables.NAME }}, {{ prefect.blocks.TYPE.NAME.FIELD }}, {{ $ENVIRONMENT_VARIABLE }}
# and {{ step-id.output }}.

";

const LOCAL: &str = "\
# Carried out when something is deployed, such as a command that builds a program.
build: []
#  - prefect.deployments.steps.run_shell_script:
#      script: cargo build --release

# Without `pull`, workers look for the code in this folder.
";

const GIT: &str = "\
# Carried out by workers before each run.
pull:
  - prefect.deployments.steps.git_clone:
      id: clone
      repository: REPOSITORY
      branch: BRANCH
      # For a repository that not everybody may read, with a block of the type `secret`:
      # access_token: \"{{ prefect.blocks.secret.NAME }}\"
";

const S3: &str = "\
# Carried out when something is deployed: a program is kept in the bucket by the hash of its content. Flows in Python use
# prefect_aws.deployments.steps.push_to_s3 and pull_from_s3 instead, with `bucket` and `folder`.
push:
  - flowcore.deployments.steps.push_code:
      id: push
      storage: ADDRESS
      # How the bucket is reached, with a block; without it, by the settings FLOWCORE_S3_*:
      # credentials: \"{{ prefect.blocks.aws-credentials.NAME }}\"

# Carried out by workers before each run. What was pulled once is there for the next.
pull:
  - flowcore.deployments.steps.pull_code:
      storage: ADDRESS
      hash: \"{{ push.hash }}\"
";

const DEPLOYMENTS: &str = "\
deployments:
  - name: default
    # A program and the name of its flow, or flow.py:function for Python.
    entrypoint: target/release/program:flow-name
    # Values that runs have unless they bring their own.
    parameters: {}
    tags: []
    # Without `schedules` those on the server stay; `[]` takes them away.
    # schedules:
    #   - cron: \"0 6 * * *\"
    #     timezone: Europe/Oslo
    # How many runs may be under way at once.
    # concurrency_limit: 1
    work_pool:
      name: default
      job_variables: {}
";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::deploy_file::DeployFile;

    #[test]
    fn what_is_written_can_be_deployed() {
        for (recipe, steps) in [(Recipe::Local, (1, 0, 0)), (Recipe::Git, (0, 0, 1)), (Recipe::S3, (0, 1, 1))] {
            let fields = ["bucket=b", "repository=https://x.org/r", "branch=it's \"main\""].map(str::to_owned).to_vec();
            let text = text("a: project", &Init { name: None, recipe, fields }).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            std::fs::write(&path, &text).unwrap();
            let file = DeployFile::read(&path).unwrap();
            let [written] = &file.deployments[..] else { panic!("there is one: {text}") };
            assert_eq!(written.name().as_deref(), Some("default"));
            let found = [&written.steps.build, &written.steps.push, &written.steps.pull].map(Option::is_some);
            assert_eq!(found.map(u8::from), [steps.0, steps.1, steps.2], "{text}");
        }
        let without = Init { name: None, recipe: Recipe::S3, fields: Vec::new() };
        assert!(text("p", &without).unwrap_err().message().unwrap().contains("bucket=NAME"));
    }
}
