//! `flowcore deploy` by files, and `flowcore init`: what is deployed, and code that workers bring before they start it.

use std::path::{Path, PathBuf};
use std::process::Command;

use flowcore_tests::built::programs;
use serde_json::{Value, json};

use crate::s3_server::{ACCESS_KEY_ID, S3Server, SECRET_ACCESS_KEY};
use crate::site::Site;
use crate::world::Transcript;

/// A folder with a file of deployments.
struct Project<'a> {
    site: &'a Site,
    folder: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn new(site: &'a Site, name: &str, file: &str) -> Self {
        let project = Project { site, folder: tempfile::tempdir().unwrap() };
        project.write(name, file);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Puts the example's program here, small enough to be copied about.
    fn bring_program(&self) {
        std::fs::create_dir(self.path("bin")).unwrap();
        let (from, to) = (programs().join("deployments"), self.path("bin/etl"));
        let stripped = Command::new("strip").arg("-o").args([&to, &from]).status();
        if !stripped.is_ok_and(|status| status.success()) {
            std::fs::copy(from, to).unwrap();
        }
    }

    /// Runs a command here; words are parted by spaces.
    fn flowcore(&self, line: &str) -> Transcript {
        let mut command = self.site.world.command(line);
        command.current_dir(self.folder.path()).env("FLOWCORE_API_URL", &self.site.api).env("REGION", "east");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        self.site.world.transcript(line, &command.output().unwrap())
    }

    fn deploy(&self, line: &str) -> Transcript {
        let deployed = self.flowcore(&format!("deploy {line}"));
        assert_eq!(deployed.code, Some(0), "{deployed}");
        deployed
    }

    fn inspect(&self, name: &str) -> Value {
        self.site.json(&format!("deployment inspect {name} --output json"))
    }
}

/// Makes a request with a body, which may have spaces.
fn post(site: &Site, path: &str, body: &Value) -> Value {
    let mut command = site.world.command(&format!("api post {path} --data"));
    command.arg(body.to_string()).env("FLOWCORE_API_URL", &site.api);
    site.world.transcript(path, &command.output().unwrap()).json()
}

const SEVERAL: &str = r#"
name: sales
prefect-version: 3.8.8
definitions:
  pool: &pool
    name: "{{ prefect.variables.pool }}"
    job_variables: &variables {env: {WHO: tests}}
  mornings: &mornings
    - {cron: "0 6 * * *", timezone: Europe/Oslo, slug: mornings}
build:
  - prefect.deployments.steps.run_shell_script:
      id: commit
      script: echo 1.2.3
      stream_output: false
deployments:
  - name: east
    version: "{{ commit.stdout }}"
    entrypoint: bin/etl:report
    tags: ["{{ $REGION }}", "v{{ commit.stdout }}"]
    parameters: {region: "{{ $REGION }}", days: "{{ prefect.variables.days }}"}
    schedules: *mornings
    concurrency_limit: {limit: 2, collision_strategy: CANCEL_NEW}
    work_pool: *pool
  - name: north
    entrypoint: bin/etl:report
    parameters: {region: north}
    description: "Sales of {{ no.such.output }}the north"
    paused: true
    work_pool: {<<: *pool, job_variables: {<<: *variables, command: null}}
"#;

#[tokio::test]
async fn a_file_says_what_is_deployed() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    post(&site, "/variables/", &json!({"name": "pool", "value": "default"}));
    post(&site, "/variables/", &json!({"name": "days", "value": 5}));
    let project = Project::new(&site, "flowcore.yaml", SEVERAL);
    // Where there is a flowcore.yaml, Prefect's file is not looked at.
    project.write("prefect.yaml", "deployments: nothing of the kind");
    std::fs::create_dir(project.path("bin")).unwrap();
    std::os::unix::fs::symlink(programs().join("deployments"), project.path("bin/etl")).unwrap();

    let which = project.flowcore("deploy");
    assert!(which.code == Some(2) && which.err.contains("--all") && which.err.contains("east, north"), "{which}");
    let unknown = project.flowcore("deploy --name nort");
    assert!(unknown.code == Some(1) && unknown.err.contains("did you mean `north`?"), "{unknown}");
    let deployed = project.deploy("--all");
    assert!(deployed.out.contains("report/east") && deployed.out.contains("report/north"), "{deployed}");
    let east = project.inspect("report/east");
    assert_eq!((&east["version"], &east["tags"]), (&json!("1.2.3"), &json!(["east", "v1.2.3"])));
    assert_eq!(east["parameters"], json!({"region": "east", "days": 5}), "a placeholder alone keeps its type");
    assert_eq!(east["job_variables"], json!({"env": {"WHO": "tests"}}));
    assert_eq!(east["concurrency_options"]["collision_strategy"], "CANCEL_NEW");
    assert_eq!((&east["work_pool_name"], &east["schedules"][0]["slug"]), (&json!("default"), &json!("mornings")));
    let north = project.inspect("report/north");
    assert_eq!((&north["paused"], &north["description"]), (&json!(true), &json!("Sales of the north")));

    // Schedules that the file does not speak of stay; an empty list takes them away. The command line goes before the file.
    project.write("flowcore.yaml", &SEVERAL.replace("    schedules: *mornings\n", ""));
    project.deploy("--name report/ea* --tag other --version 2");
    let kept = project.inspect("report/east");
    assert_eq!((&kept["schedules"], &kept["id"]), (&east["schedules"], &east["id"]));
    assert_eq!((&kept["tags"], &kept["version"]), (&json!(["other"]), &json!("2")));
    project.write("flowcore.yaml", &SEVERAL.replace("schedules: *mornings", "schedules: []"));
    project.deploy("--name east");
    assert_eq!(project.inspect("report/east")["schedules"], json!([]));

    project.write("other.yaml", "deployments:\n  - name: x\n    entry_point: bin/etl:report\n");
    let refused = project.flowcore("deploy --prefect-file other.yaml");
    let expected = "other.yaml:3:5: a deployment has no `entry_point`; did you mean `entrypoint`?";
    assert!(refused.code == Some(1) && refused.err.contains(expected), "{refused}");
    project.write(
        "other.yaml",
        "deployments: [{name: x, entrypoint: 'bin/etl:report', work_pool: {name: '{{ prefect.blocks.secret.no }}'}}]",
    );
    let refused = project.flowcore("deploy --prefect-file other.yaml");
    assert!(
        refused.code == Some(1) && refused.err.contains("there is no block `no` of the type `secret`"),
        "{refused}"
    );
}

/// Waits for a run of a deployment, and tells how it went.
fn watched(site: &Site, name: &str) -> Transcript {
    site.flowcore(&format!("deployment run {name} --watch"))
}

/// Damages what is kept of programs, so that it has the same length but other bytes.
fn damage(folder: &Path) {
    let blobs: Vec<_> = std::fs::read_dir(folder.join("blobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!blobs.is_empty());
    for blob in blobs {
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[100] ^= 1;
        std::fs::write(blob, bytes).unwrap();
    }
}

#[tokio::test]
async fn a_program_is_kept_by_its_content_and_never_started_damaged() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let storage = tempfile::tempdir().unwrap();
    let file = format!(
        "
push:
  - flowcore.deployments.steps.push_code: {{id: push, storage: {0}}}
pull:
  - flowcore.deployments.steps.pull_code: {{storage: {0}, hash: '{{{{ push.hash }}}}'}}
deployments:
  - {{name: kept, entrypoint: bin/etl:report, parameters: {{region: north}}, work_pool: {{name: default}}}}
",
        storage.path().display()
    );
    let project = Project::new(&site, "flowcore.yaml", &file);
    project.bring_program();
    project.deploy("--all");
    let steps = project.inspect("report/kept")["pull_steps"].clone();
    let hash = steps[0]["flowcore.deployments.steps.pull_code"]["hash"].as_str().unwrap().to_owned();
    assert_eq!(hash.len(), 64, "{steps}");
    // Workers need nothing of this folder.
    std::fs::remove_dir_all(project.path("bin")).unwrap();
    let _worker = site.worker("");
    damage(storage.path());
    let crashed = watched(&site, "report/kept");
    assert!(crashed.code == Some(1) && crashed.out.contains("is damaged"), "{crashed}");
    damage(storage.path());
    let good = watched(&site, "report/kept");
    assert!(good.code == Some(0) && good.out.contains("north: 30"), "{good}");
    // What was pulled once is there.
    std::fs::remove_dir_all(storage.path().join("blobs")).unwrap();
    let again = watched(&site, "report/kept");
    assert_eq!(again.code, Some(0), "{again}");
    assert!(site.worker_home.path().join("code").join(hash).join("bin/etl").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn code_goes_through_a_bucket_with_the_credentials_of_a_block() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let server = S3Server::start().await;
    let endpoint = server.settings().endpoint.unwrap();
    let file = "
definitions:
  bucket: &bucket
    bucket: results
    folder: code/sales
    credentials: '{{ prefect.blocks.secret.minio }}'
push:
  - prefect_aws.deployments.steps.push_to_s3: {requires: prefect-aws, <<: *bucket}
pull:
  - prefect_aws.deployments.steps.pull_from_s3: {id: pull, <<: *bucket}
  - prefect.deployments.steps.run_shell_script: {script: ls bin, directory: '{{ pull.directory }}'}
deployments:
  - {name: bucket, entrypoint: bin/etl:report, parameters: {region: north}, work_pool: {name: default}}
";
    let credentials = json!({
        "minio_root_user": ACCESS_KEY_ID, "minio_root_password": SECRET_ACCESS_KEY,
        "aws_client_parameters": {"endpoint_url": endpoint},
    });
    save_secret(&site, "minio", &credentials);
    let project = Project::new(&site, "prefect.yaml", file);
    project.bring_program();
    let deployed = project.deploy("");
    assert!(!format!("{deployed}").contains(SECRET_ACCESS_KEY), "no secret is shown");
    assert!(server.folder.path().join("results/code/sales/bin/etl").is_file());
    let _worker = site.worker("");
    let run = watched(&site, "report/bucket");
    assert!(run.code == Some(0) && run.out.contains("north: 30") && run.out.contains("etl"), "{run}");
    assert!(!format!("{run}").contains(SECRET_ACCESS_KEY), "no secret is in the log");
}

/// Makes a block of the type `secret`.
fn save_secret(site: &Site, name: &str, value: &Value) {
    let kind = site.json("api get /block_types/slug/secret");
    let filter = json!({"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}});
    let schemas = post(site, "/block_schemas/filter", &filter);
    let block = json!({
        "name": name, "block_type_id": kind["id"], "block_schema_id": schemas[0]["id"], "data": {"value": value},
    });
    post(site, "/block_documents/", &block);
}

/// The file of the dhis2 stack, in a folder of the test's own.
const DHIS2: &str = r#"
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: FOLDER

deployments:
  - name: dhis2-ou
    entrypoint: flow.py:dhis2_ou_flow
    schedules:
      - cron: "*/15 * * * *"
        timezone: "UTC"
      - interval: 900
        timezone: "UTC"
      - rrule: "FREQ=WEEKLY;BYDAY=MO,WE,FR"
        timezone: "UTC"
    work_pool:
      name: default
"#;

const DHIS2_FLOW: &str = r#"
from prefect import flow

@flow(name="dhis2_ou")
def dhis2_ou_flow(level: int = 2):
    """Counts organisation units."""
    return level * 10
"#;

#[tokio::test]
async fn a_file_of_prefects_is_deployed_as_it_is_and_seen_by_prefects_client() {
    let Ok(python) = std::env::var("FLOWCORE_TEST_PREFECT_PYTHON") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "Prefect's client must be there in continuous integration"
        );
        eprintln!("NOT RUN: a file of Prefect's, since FLOWCORE_TEST_PREFECT_PYTHON is not set");
        return;
    };
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let project = Project::new(&site, "prefect.yaml", "");
    project.write("prefect.yaml", &DHIS2.replace("FOLDER", project.folder.path().to_str().unwrap()));
    project.write("flow.py", DHIS2_FLOW);
    project.deploy(&format!("--all --python {python}"));
    let mut client = Command::new(Path::new(&python).with_file_name("prefect"));
    client.args(["deployment", "inspect", "dhis2_ou/dhis2-ou", "--output", "json"]);
    client.env("PREFECT_API_URL", &site.api).env("PREFECT_HOME", site.worker_home.path()).env("COLUMNS", "1000");
    let seen: Value = serde_json::from_slice(&client.output().unwrap().stdout).unwrap();
    assert_eq!(
        (&seen["description"], &seen["entrypoint"]),
        (&json!("Counts organisation units."), &json!("flow.py:dhis2_ou_flow"))
    );
    assert_eq!(seen["parameter_openapi_schema"]["properties"]["level"]["default"], 2, "{seen}");
    let mut rules: Vec<String> = seen["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|schedule| ["cron", "interval", "rrule"].map(|kind| schedule["schedule"][kind].to_string()).join(" "))
        .collect();
    rules.sort();
    assert_eq!(rules.len(), 3, "{seen}");
    assert!(rules[0].contains("*/15 * * * *"), "{rules:?}");
    let _worker = site.worker(&format!("--python {python}"));
    let run = watched(&site, "dhis2_ou/dhis2-ou");
    assert_eq!(run.code, Some(0), "{run}");
}

#[tokio::test]
async fn a_new_project_begins_with_a_file() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let project = Project::new(&site, "notes.txt", "");
    let written = project.flowcore("init --name sales");
    assert_eq!(written.code, Some(0), "{written}");
    let text = std::fs::read_to_string(project.path("flowcore.yaml")).unwrap();
    assert!(text.contains("name: \"sales\""), "{text}");
    let again = project.flowcore("init");
    assert!(again.code == Some(1) && again.err.contains("already"), "{again}");
    let program = programs().join("deployments");
    let entrypoint = format!("{}:report", program.display());
    let text = text
        .replace("target/release/program:flow-name", &entrypoint)
        .replace("parameters: {}", "parameters: {region: west}");
    project.write("flowcore.yaml", &text);
    project.deploy("");
    assert_eq!(project.inspect("report/default")["parameters"], json!({"region": "west"}));
}
