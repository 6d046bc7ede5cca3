//! The short form of the crash proof; `cargo xtask prove crash` is the full one.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

/// Carries a proof out, and gives what it prints.
fn proved(line: &str) -> String {
    let proof = Command::new(env!("CARGO_BIN_EXE_prove"))
        .args(line.split_whitespace())
        .env_remove("FLOWCORE_EXECUTE_FLOW_RUN")
        .output();
    let proof = proof.expect("the proof can be started");
    let (out, err) = (String::from_utf8_lossy(&proof.stdout), String::from_utf8_lossy(&proof.stderr));
    assert!(proof.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[test]
fn killed_runs_resume_without_loss() {
    let out = proved("crash --kills 10 --tasks 400 --seed 20260101");
    assert!(out.contains("10 kills over"), "{out}");
}

#[test]
fn a_killed_server_forgets_nothing() {
    if std::env::var_os("FLOWCORE_TEST_PREFECT_PYTHON").is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "Prefect's client must be there in continuous integration"
        );
        eprintln!("NOT RUN: a_killed_server_forgets_nothing, since FLOWCORE_TEST_PREFECT_PYTHON is not set");
        return;
    }
    let out = proved("server --kills 4 --tasks 200 --seed 20260101");
    assert!(out.contains("SQLite: 4 kills over"), "{out}");
}

#[test]
fn an_outage_fails_no_run_and_loses_no_line() {
    let out = proved("outage --seconds 5 --flows 3 --tasks 120 --lines 5");
    assert!(out.contains("3 flow runs have completed, 1800 lines are there once"), "{out}");
}

#[test]
fn a_schedule_has_a_run_a_tick_through_deaths() {
    let out = proved(
        "schedule --runs 30 --burst-seconds 3 --p99 60000 --served-p99 60000 --kills 4 --hosts 0 --replica-seconds 10 --seed 20260101",
    );
    assert!(out.contains("SQLite, served: 30 runs in 3 s") && out.contains("a run each, all completed"), "{out}");
}
