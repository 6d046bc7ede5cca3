//! Jobs: what a run's process is told, and by whom. The pool's template, the deployment and the run say it together.

use std::io::Write;

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
async fn a_run_gets_of_the_workers_environment_what_it_needs_and_what_is_named() {
    let site = Site::start().await;
    site.deployed("said");
    let variables = [
        ("AWS_SECRET_ACCESS_KEY", "of-the-cloud"),
        ("FLOWCORE_DATABASE_URL", "of-the-database"),
        ("FLOWCORE_ENCRYPTION_KEY", "of-the-server"),
        ("MY_SETTING", "passed-on"),
        ("TZ", "Europe/Oslo"),
    ];
    let _worker = site.worker_with(&variables, "--inherit-env MY_*,OTHER");
    let command = format!("command=env; echo complaint >&2; exec {}", programs().join("deployments").display());
    let told = run(&site, &[&command, "env={\"OF_THE_JOB\": \"yes\"}"]);
    site.in_state(&told, "Completed");
    let logs = site.does(&format!("flow-run logs {told}"));
    for line in ["MY_SETTING=passed-on", "TZ=Europe/Oslo", "OF_THE_JOB=yes", "PATH=/"] {
        assert!(logs.contains(line), "{line}: {logs}");
    }
    assert!(!logs.contains("of-the-"), "{logs}");
    // What it complains of is in its log, and what it has logged is there once.
    let complaint = logs.lines().find(|line| line.ends_with("complaint") && !line.contains("command")).unwrap();
    assert!(complaint.contains("WARNING"), "{complaint}");
    assert_eq!(logs.matches("north has sold 30").count(), 1, "{logs}");
    let last = site.does(&format!("flow-run logs {told} --tail -n 2 -r"));
    assert_eq!(last.lines().collect::<Vec<_>>(), logs.lines().rev().take(2).collect::<Vec<_>>());
    assert!(site.does("deployment ls report").contains("report/said"));
    assert!(!site.does("deployment ls other").contains("report/said"));
}

#[tokio::test]
async fn a_run_shows_the_server_something_of_its_own() {
    let site = Site::guarded("admin:worker-pass").await;
    site.deployed("said");
    let _worker = site.worker_with(&[("FLOWCORE_API_AUTH_STRING", "admin:worker-pass")], "");
    let told = run(&site, &[&format!("command=env; exec {}", programs().join("deployments").display())]);
    site.in_state(&told, "Completed");
    let logs = site.does(&format!("flow-run logs {told}"));
    let own = format!("PREFECT_API_AUTH_STRING=flow-run-{told}:");
    assert!(logs.contains(&own) && !logs.contains("worker-pass") && logs.contains("north has sold 30"), "{logs}");
}

#[tokio::test]
async fn a_worker_may_execute_what_is_due_and_end() {
    let site = Site::start().await;
    assert!(site.fails("worker start --pool nowhere --no-create-pool-if-not-found").contains("no work pool `nowhere`"));
    let template = site.world.home.path().join("made.json");
    let made = json!({"job_configuration": {"env": {"A": "{{ a }}"}}, "variables": {"properties": {"a": {"default": "of the file"}}}});
    std::fs::write(&template, made.to_string()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place =
        [("FLOWCORE_WORKER_WEBSERVER_HOST", "127.0.0.1"), ("PREFECT_WORKER_WEBSERVER_PORT", &*port.to_string())];
    let more = format!("--with-healthcheck --install-policy never --base-job-template {}", template.display());
    let mut first = site.worker_with(&place, &more);
    let begin = std::time::Instant::now();
    let answer = loop {
        match std::net::TcpStream::connect(("127.0.0.1", port)) {
            Ok(mut stream) => {
                stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                break std::io::read_to_string(stream).unwrap();
            }
            Err(error) => assert!(begin.elapsed() < crate::site::DEADLINE, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(r#"{"message":"OK"}"#), "{answer}");
    first.signal("-TERM");
    assert!(first.ended());
    let pool = site.json("api get /work_pools/default");
    assert_eq!(pool["base_job_template"], made);

    assert_eq!(site.deploy("said", "").code, Some(0));
    let (due, later) = (run(&site, &[]), site.run("report/said --start-in 1h"));
    let mut once = site.worker("--run-once --prefetch-seconds 5");
    assert!(once.ended());
    assert_eq!(site.json(&format!("api get /flow_runs/{due}"))["state"]["type"], "COMPLETED");
    assert_eq!(site.json(&format!("api get /flow_runs/{later}"))["state"]["type"], "SCHEDULED");
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
