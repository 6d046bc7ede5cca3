//! `flowcore deploy` and `flowcore worker start` on Prefect's own server.

use std::time::Instant;

use flowcore_tests::given::given;
use flowcore_tests::prefect::Prefect;

use crate::site::{DEADLINE, Site, gone, signal_process};

#[tokio::test]
async fn a_worker_takes_runs_from_prefects_own_server() {
    let name = "a_worker_takes_runs_from_prefects_own_server";
    let Some(python) = given("FLOWCORE_TEST_PREFECT_PYTHON", name) else { return };
    let prefect = Prefect::start(python).await;
    let site = Site::on(&prefect.api).await;
    // Its worker makes the pool.
    let mut worker = site.worker("--name ours --grace 5");
    let begin = Instant::now();
    while site.flowcore("work-pool inspect default").code != Some(0) {
        assert!(begin.elapsed() < DEADLINE, "there is no pool");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let deployed = site.deploy("nightly", "--interval 86400 --tag nightly");
    assert_eq!(deployed.code, Some(0), "{deployed}");
    assert_eq!(site.deploy("nightly", "--tag nightly").code, Some(0), "it is changed, and keeps its schedules");
    let watched = site.flowcore("deployment run report/nightly --param days=4 --watch");
    assert!(watched.code == Some(0) && watched.out.contains("north has sold 50 in 4 days"), "{watched}");
    let refused = site.flowcore("deployment run report/nightly --param days=many");
    assert!(refused.code == Some(1) && refused.err.contains("days"), "{refused}");

    let [cancelled, killed] = [(); 2].map(|()| site.run("report/nightly --param pause=100"));
    let pid = |id: &str| {
        let run = site.in_state(id, "Running");
        run["infrastructure_pid"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    };
    let pids = [pid(&cancelled), pid(&killed)];
    assert_eq!(site.flowcore(&format!("flow-run cancel {cancelled}")).code, Some(0));
    site.in_state(&cancelled, "Cancelled");
    signal_process("-KILL", &pids[1]);
    let crashed = site.in_state(&killed, "Crashed");
    pids.iter().for_each(|pid| gone(pid));
    assert!(crashed["state"]["message"].as_str().unwrap().contains("process"), "{crashed}");
    prefect.look("rust_worker.py", &["ours"]).await;
    worker.signal("-TERM");
    assert!(worker.ended());
}
