//! Jobs: what a run's process is told, and by whom. The pool's template, the deployment and the run say it together.

use flowcore_tests::built::programs;
use serde_json::{Value, json};

use crate::site::{Site, said};

/// Gives the pool a template whose jobs have this environment.
fn give_template(site: &Site, env: &Value) {
    let template = json!({
        "job_configuration": {"command": "{{ command }}", "env": "{{ env }}", "stream_output": "{{ stream_output }}"},
        "variables": {"type": "object", "properties": {
            "command": {"type": "string"}, "env": {"type": "object", "default": env},
            "stream_output": {"type": "boolean", "default": true},
        }},
    });
    let file = site.world.home.path().join("template.json");
    std::fs::write(&file, template.to_string()).unwrap();
    site.does(&format!("work-pool update default --base-job-template {}", file.display()));
}

/// Writes a command that prints a text in capitals before it executes the run.
fn shouting(text: &str) -> String {
    format!("command=echo \"{text}\" | tr a-z A-Z; exec {}", programs().join("deployments").display())
}

/// Makes a run with job variables, and gives its id.
fn run(site: &Site, variables: &[&str]) -> String {
    let mut words = vec!["deployment", "run", "report/said"];
    words.extend(variables.iter().flat_map(|variable| ["--job-variable", variable]));
    let made = site.words(&words);
    assert_eq!(made.code, Some(0), "{made}");
    crate::site::id_in(&made.out)
}

#[tokio::test]
async fn a_job_has_the_values_of_blocks_variables_and_the_workers_environment() {
    let site = Site::start().await;
    site.deployed("said");
    site.does("block create secret --name token --field value=hush-hush");
    site.does("variable set greeting hello");
    give_template(&site, &json!({"TOKEN": "{{ prefect.blocks.secret.token }}", "PLACE": "in {{ $PLACE }}"}));
    let (mut worker, log) = site.worker_with_log(&[("PLACE", "oslo"), ("FLOWCORE_API_KEY", "own-key")], "");
    let shout = shouting("$TOKEN, $GREETING, $PLACE");
    let told = run(&site, &[&shout, "env={\"GREETING\": \"{{ prefect.variables.greeting }} you\"}"]);
    site.in_state(&told, "Completed");
    let logs = site.does(&format!("flow-run logs {told}"));
    assert!(logs.contains("HUSH-HUSH, HELLO YOU, IN OSLO"), "{logs}");

    // What is not there is told by its name; what is the worker's own is for nobody.
    for (value, why) in [
        ("{{ prefect.variables.gone }}", "there is no variable `gone`"),
        ("{{ prefect.blocks.secret.gone }}", "there is no block `gone` of the type `secret`"),
        ("{{ $FLOWCORE_API_KEY }}", "`FLOWCORE_API_KEY` is the worker's own"),
    ] {
        let crashed = site.in_state(&run(&site, &[&format!("env.X={value}")]), "Crashed");
        let message = crashed["state"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
    }
    worker.signal("-TERM");
    assert!(worker.ended());
    let log = std::fs::read_to_string(log).unwrap();
    let deployment = site.does("deployment inspect report/said --output json");
    let stored = site.does(&format!("api get /flow_runs/{told}"));
    for told in [log, deployment, stored, logs] {
        assert!(!told.contains("hush-hush") && !told.contains("own-key"), "{told}");
    }
}

#[tokio::test]
async fn a_worker_goes_on_when_its_pool_is_taken_away_and_made_anew() {
    let site = Site::start().await;
    site.deployed("said");
    site.does("work-queue create fast --pool default");
    let (mut worker, log) = site.worker_with_log(&[], "--work-queue fast --work-queue default");
    let before = run(&site, &[]);
    site.in_state(&before, "Completed");
    site.does("work-queue delete fast --pool default --yes");
    said(&log, "'default/fast' not found");
    site.does("work-pool delete default --yes");
    said(&log, "Work pool \"default\" not found");
    site.deployed("said");
    site.does("work-queue create fast --pool default");
    give_template(&site, &json!({"NEWS": "made anew"}));
    let after = run(&site, &[&shouting("$NEWS")]);
    site.in_state(&after, "Completed");
    let logs = site.does(&format!("flow-run logs {after}"));
    assert!(logs.contains("MADE ANEW"), "{logs}");
    worker.signal("-TERM");
    assert!(worker.ended());
}
