//! `flowcore work-queue`, and what `work-pool` does beside making pools.

use serde_json::json;

use crate::site::{Site, id_in};

#[tokio::test]
async fn work_queues_are_kept() {
    let site = Site::start().await;
    site.deployed("nightly");
    site.does("work-queue create urgent --pool default --limit 3 --priority 1");
    assert!(site.fails("work-queue create urgent --pool default").contains("already"));
    assert!(site.fails("work-queue create urgent --pool none").contains("no work pool"));
    let queue = |name: &str| site.json(&format!("work-queue inspect {name} --pool default -o json"));
    assert_eq!((&queue("urgent")["priority"], &queue("urgent")["concurrency_limit"]), (&json!(1), &json!(3)));
    assert_eq!(queue("default")["priority"], 2, "it was moved on");
    let listed = site.does("work-queue ls --pool default");
    assert!(listed.lines().nth(1).unwrap().starts_with("urgent"), "{listed}");
    let matching = site.json("work-queue ls --match urg -o json");
    assert_eq!(matching.as_array().unwrap().len(), 1, "{matching}");

    site.does("work-queue pause urgent -p default");
    assert!(site.does("work-queue inspect urgent -p default").contains("PAUSED"));
    site.does("work-queue resume urgent -p default");
    site.does("work-queue set-concurrency-limit urgent 5 -p default");
    assert_eq!((&queue("urgent")["is_paused"], &queue("urgent")["concurrency_limit"]), (&json!(false), &json!(5)));
    site.does("work-queue clear-concurrency-limit urgent -p default");
    assert_eq!(queue("urgent")["concurrency_limit"], json!(null));

    let made = id_in(&site.does("deployment run report/nightly --flow-run-name soon"));
    site.does("deployment run report/nightly --flow-run-name tomorrow --start-in 1d");
    let preview = site.does("work-queue preview default --pool default --hours 2");
    assert!(preview.contains(&made) && !preview.contains("tomorrow"), "{preview}");
    assert!(site.does("work-queue read-runs default --pool default").contains("tomorrow"));
    assert!(site.does("work-queue slots default --pool default").contains("0, without a limit"));
    assert_eq!(site.json("work-pool slots default -o json")["active_slots"], 0);
    let pool = site.json("work-pool inspect default -o json");
    assert_eq!(pool["status"], "NOT_READY", "whoever looks is no worker: {pool}");

    site.does("work-queue delete urgent --pool default");
    assert!(site.fails("work-queue inspect urgent --pool default").contains("has no queue"));
}

#[tokio::test]
async fn queues_without_a_pool_are_those_of_agents() {
    let site = Site::start().await;
    assert!(site.fails("work-queue inspect old").contains("--pool"));
    site.does("work-queue create old --limit 2");
    let queue = site.json("work-queue inspect old -o json");
    assert_eq!((&queue["work_pool_name"], &queue["concurrency_limit"]), (&json!("default-agent-pool"), &json!(2)));
    site.does("work-queue delete old -y");
}

#[tokio::test]
async fn work_pools_are_changed_and_their_templates_shown() {
    let site = Site::start().await;
    let template = site.json("work-pool get-default-base-job-template --type process");
    assert!(template["variables"]["properties"]["command"].is_object(), "{template}");
    let file = site.world.home.path().join("template.json");
    let line = format!("work-pool get-default-base-job-template -t process -f {}", file.display());
    site.does(&line);
    assert!(site.fails("work-pool get-default-base-job-template --type balloon").contains("process"));
    site.does(&format!("work-pool create site --base-job-template {}", file.display()));
    assert!(site.fails("work-pool update site").contains("--description"));
    site.does("work-pool update site --concurrency-limit 4 --description mine");
    let pool = site.json("work-pool inspect site -o json");
    assert_eq!((&pool["concurrency_limit"], &pool["description"]), (&json!(4), &json!("mine")));
    assert_eq!(pool["base_job_template"], template);
}
