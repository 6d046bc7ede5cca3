//! `deployment apply`: files of deployments as Prefect 2 wrote them.

use flowcore_tests::given::given;
use serde_json::{Value, json};

use crate::site::Site;

/// As `prefect deployment build` of Prefect 2 writes it, with every key.
const CATS: &str = "
###
### A complete description of a Prefect Deployment for flow 'cat-facts'
###
name: catfact
description: null
version: c0fc95308d8137c50d2da51af138aa23
work_queue_name: cats
work_pool_name: null
tags: [animals]
parameters: {times: 2}
schedule:
  cron: 0 6 * * *
  timezone: Europe/Oslo
  day_or: true
is_schedule_active: true
infra_overrides:
  env.GREETING: hello
infrastructure:
  type: process
  env: {}
  labels: {}
  name: null
  command: null
  stream_output: true
  working_dir: null
  block_type_slug: process
###
### DO NOT EDIT BELOW THIS LINE
###
flow_name: cat-facts
manifest_path: null
storage: null
path: FOLDER
entrypoint: catfact.py:facts
parameter_openapi_schema:
  title: Parameters
  type: object
  properties:
    times: {title: times, type: integer, position: 0}
  required: [times]
  definitions: null
timestamp: '2023-02-08T23:00:14.974642+00:00'
";

const FLOW: &str = "
import os
from prefect import flow

@flow(name='cat-facts')
def facts(times: int):
    print(os.environ.get('GREETING'), times)
    return times
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    std::fs::write(folder.path().join("deployment.yaml"), CATS.replace("FOLDER", here.to_str().unwrap())).unwrap();
    std::fs::write(folder.path().join("catfact.py"), FLOW).unwrap();
    folder
}

fn apply(site: &Site, folder: &tempfile::TempDir) -> Value {
    let applied = site.flowcore(&format!("deployment apply {}", folder.path().join("deployment.yaml").display()));
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(applied.out.contains("Deployed 'cat-facts/catfact'"), "{applied}");
    site.json("deployment inspect cat-facts/catfact -o json")
}

#[tokio::test]
async fn a_file_of_prefect_2_is_applied() {
    let (site, folder) = (Site::start().await, folder());
    let made = apply(&site, &folder);
    assert_eq!((&made["work_pool_name"], &made["work_queue_name"]), (&json!("default-agent-pool"), &json!("cats")));
    assert_eq!((&made["tags"], &made["parameters"]), (&json!(["animals"]), &json!({"times": 2})));
    assert_eq!(made["schedules"][0]["schedule"]["cron"], "0 6 * * *");
    assert_eq!(made["job_variables"]["env"], json!({"GREETING": "hello"}));
    assert_eq!((&made["paused"], &made["entrypoint"]), (&json!(false), &json!("catfact.py:facts")));
    let wrong = site.flowcore("deployment run cat-facts/catfact --param times=many");
    assert!(wrong.code == Some(1) && wrong.err.contains("times"), "its schema is kept: {wrong}");

    // Applied once more, it is the same one; a second file is refused before anything is done.
    let file = folder.path().join("deployment.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("0 6 * * *", "0 7 * * *")).unwrap();
    let again = apply(&site, &folder);
    assert_eq!((&again["id"], &again["schedules"][0]["schedule"]["cron"]), (&made["id"], &json!("0 7 * * *")));
    let other = folder.path().join("other.yaml");
    std::fs::write(&other, text.replace("flow_name:", "flow_nane:").replace("0 6 * * *", "0 8 * * *")).unwrap();
    let refused = site.flowcore(&format!("deployment apply {} {}", file.display(), other.display()));
    assert!(refused.code == Some(1) && refused.err.contains("did you mean `flow_name`?"), "{refused}");
    std::fs::write(&other, text.replace("type: process", "type: docker-container")).unwrap();
    let refused = site.flowcore(&format!("deployment apply {}", other.display()));
    assert!(refused.code == Some(1) && refused.err.contains("its infrastructure is a `docker-container`"), "{refused}");
}

#[tokio::test]
async fn a_run_of_such_a_deployment_is_taken_by_an_agent() {
    let name = "a_run_of_such_a_deployment_is_taken_by_an_agent";
    let Some(python) = given("FLOWCORE_TEST_PREFECT_PYTHON", name) else { return };
    let (site, folder, home) = (Site::start().await, folder(), tempfile::tempdir().unwrap());
    apply(&site, &folder);
    let run = site.run("cat-facts/catfact");
    let variables =
        [("FLOWCORE_WORKER_PYTHON", &*python), ("PREFECT_HOME", home.path().to_str().unwrap()), ("DO_NOT_TRACK", "1")];
    let _agent = site.agent_with(&variables, "-q cats");
    site.in_state(&run, "Completed");
    let logged = site.flowcore(&format!("flow-run logs {run}"));
    assert!(logged.out.contains("hello 2"), "{logged}");
}
