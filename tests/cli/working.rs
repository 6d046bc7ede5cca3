//! `flowcore deploy`, `flowcore deployment` and `flowcore worker`: runs that start by themselves, in processes of their own.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flowcore_tests::built::programs;

use crate::lossy::lossy;
use crate::site::{DEADLINE, Site, Worker, gone, signal_process};

#[tokio::test]
async fn a_deployed_program_is_started_for_each_run() {
    let site = Site::start().await;
    let deployed = site.deploy("nightly", "--timezone Europe/Oslo --interval 60");
    assert!(
        deployed.code == Some(1) && deployed.err.contains("work-pool create default"),
        "no such pool yet: {deployed}"
    );
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    let foreign = site.flowcore("deploy /bin/sh:report --name x --pool default");
    assert!(foreign.code == Some(1) && foreign.err.contains("was not built with flowcore"), "{foreign}");
    let deployed = site.deploy("nightly", "--interval 86400 --tag nightly");
    assert_eq!(deployed.code, Some(0), "{deployed}");
    // Deployed again without schedules it keeps those that it has.
    assert_eq!(site.deploy("nightly", "").code, Some(0));
    let inspected = site.json("deployment inspect report/nightly --output json");
    assert_eq!(inspected["schedules"][0]["schedule"]["interval"], 86400.0, "{inspected}");
    assert_eq!(inspected["description"], "Adds up what a region has sold.");
    assert_eq!(inspected["parameter_openapi_schema"]["required"], serde_json::json!(["region"]));
    let listed = site.flowcore("deployment ls");
    assert!(listed.out.contains("report/nightly") && listed.out.contains("every 86400 s"), "{listed}");
    let refused = site.flowcore("deployment run report/nightly --param days=many");
    assert!(refused.code == Some(1) && refused.err.contains("days"), "{refused}");

    let mut worker = site.worker("--limit 2");
    let watched = site.flowcore("deployment run report/nightly --param days=4 --tag once --watch");
    assert_eq!(watched.code, Some(0), "{watched}");
    assert!(watched.out.contains("north has sold 50 in 4 days"), "{watched}");
    assert!(watched.out.contains("north: 50"), "what it prints is in the log as well: {watched}");
    let runs = site.json("flow-run ls --output json");
    let run = runs.as_array().unwrap().iter().find(|run| run["state"]["type"] == "COMPLETED").unwrap();
    let id = run["id"].as_str().unwrap();
    let found = site.json(&format!("api get /flow_runs/{id}"));
    assert_eq!((&found["run_count"], &found["work_pool_name"]), (&1.into(), &"default".into()), "{found}");
    assert!(found["tags"].as_array().unwrap().len() == 1 && found["infrastructure_pid"].is_string(), "{found}");
    let workers = site.json("api post /work_pools/default/workers/filter --data {}");
    assert_eq!(workers[0]["status"], "ONLINE");

    // Asked to end, it waits for what is under way.
    let long = site.run("report/nightly --param pause=0.5");
    site.in_state(&long, "Running");
    worker.signal("-TERM");
    assert!(worker.ended());
    site.in_state(&long, "Completed");
}

#[tokio::test]
async fn a_run_whose_worker_is_killed_goes_on_and_may_print() {
    let site = Site::start().await;
    site.deployed("orphaned");
    let mut worker = site.worker("");
    let run = site.run("report/orphaned --param pause=1");
    site.in_state(&run, "Running");
    worker.signal("-KILL");
    assert!(!worker.ended(), "it is dead");
    // It prints at its end, and there is nobody left who would read it.
    site.in_state(&run, "Completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_executed_whose_worker_did_not_hear_that_it_has_it() {
    let site = Site::start().await;
    site.deployed("unheard");
    let (api, is_lost) = lossy(&site.api, "/set_state").await;
    let run = site.run("report/unheard");
    let _worker = site.worker_with(&[("FLOWCORE_API_URL", &api)], "");
    site.in_state(&run, "Completed");
    assert!(is_lost.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_run_that_is_cancelled_or_killed_stands_as_that() {
    let site = Site::start().await;
    assert_eq!(site.flowcore("work-pool create default").code, Some(0));
    assert_eq!(site.deploy("long", "--param pause=100").code, Some(0));
    let mut worker = site.worker("--grace 5");
    let [cancelled, killed, left] = [(); 3].map(|()| site.run("report/long"));
    let pid = |id: &str| {
        let run = site.in_state(id, "Running");
        run["infrastructure_pid"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    };
    let pids = [pid(&cancelled), pid(&killed), pid(&left)];
    let asked = site.flowcore(&format!("flow-run cancel {cancelled}"));
    assert_eq!(asked.code, Some(0), "{asked}");
    site.in_state(&cancelled, "Cancelled");
    signal_process("-KILL", &pids[1]);
    let crashed = site.in_state(&killed, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("process"), "{crashed}");
    // Twice asked, it ends what is under way as well.
    worker.signal("-TERM");
    worker.signal("-INT");
    assert!(worker.ended());
    pids.iter().for_each(|pid| gone(pid));
    let run = site.json(&format!("api get /flow_runs/{left}"));
    assert!(run["end_time"].is_string(), "{run}");
}

/// Starts the program, which serves its deployment and has a process for each run.
fn serve(site: &Site) -> Worker {
    let mut command = Command::new(programs().join("deployments"));
    command.arg("--in-processes").env("FLOWCORE_API_URL", &site.api).env("FLOWCORE_HOME", site.worker_home.path());
    let serving = Worker::start(&mut command);
    let begin = Instant::now();
    loop {
        let inspected = site.flowcore("deployment inspect report/served --output json");
        if inspected.code == Some(0) && inspected.json()["paused"] == false {
            return serving;
        }
        assert!(begin.elapsed() < DEADLINE, "it is not served: {inspected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Finds the one process that this one has started.
fn child_of(parent: &Worker) -> String {
    let pid = parent.id();
    let begin = Instant::now();
    loop {
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        if let [child] = children.split_whitespace().collect::<Vec<_>>()[..] {
            return child.to_owned();
        }
        assert!(begin.elapsed() < DEADLINE, "the children of {pid} are {children:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn served_runs_can_have_processes_of_their_own() {
    let site = Site::start().await;
    let mut serving = serve(&site);
    // Its schedule would make runs that are in the way.
    assert_eq!(site.flowcore("deployment pause report/served").code, Some(0));

    // A run whose process is killed takes nobody with it.
    let killed = site.run("report/served --param pause=60");
    site.in_state(&killed, "Running");
    signal_process("-KILL", &child_of(&serving));
    let crashed = site.in_state(&killed, "Crashed");
    let quick = site.run("report/served --param days=2");
    assert_eq!(site.in_state(&quick, "Completed")["run_count"], 1, "{crashed}");

    // Asked to end, it has its runs end in order.
    let asked = site.run("report/served --param pause=60");
    site.in_state(&asked, "Running");
    let child = child_of(&serving);
    serving.signal("-TERM");
    assert!(serving.ended());
    gone(&child);
    site.in_state(&asked, "Cancelled");

    // A run goes on when its parent is killed.
    let mut serving = serve(&site);
    assert_eq!(site.flowcore("deployment pause report/served").code, Some(0));
    let left = site.run("report/served --param pause=0.5");
    site.in_state(&left, "Running");
    serving.signal("-KILL");
    assert!(!serving.ended());
    assert_eq!(site.in_state(&left, "Completed")["run_count"], 1);
}
