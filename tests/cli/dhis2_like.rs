//! The walk of `examples/dhis2-like`, as a program that says what it does.

use std::process::{Command, Output, Stdio};

use flowcore_tests::built::programs;
use flowcore_tests::given::given;

const POSTGRES: &str = "FLOWCORE_TEST_POSTGRES_URL";

/// Prepares the walk, which builds its programs only if cargo has started it.
fn walk() -> Command {
    let mut command = Command::new(programs().join("dhis2-like"));
    command.env_remove("CARGO").env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat()
}

#[tokio::test]
async fn the_dhis2_stack_runs_by_its_schedules() {
    let name = "the_dhis2_stack_runs_by_its_schedules";
    if given(POSTGRES, name).is_none() {
        return;
    }
    let python = given("FLOWCORE_TEST_PREFECT_PYTHON", name);
    let output = walk().args(["--every", "2"]).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let mut expected = vec![
        "$ cd deployments/dhis2_ou && prefect deploy --all\n",
        "Deployed 'dhis2_connection/dhis2-connection'",
        "6 organisation units at 4 levels",
        "s3://prefect/results/",
        "runs of dhis2_connection began by themselves and have completed",
        "runs of dhis2_ou began by themselves and have completed",
        "0 8 * * * (Europe/Oslo)",
        "The worker: exit status: 0",
    ];
    match python {
        Some(_) => expected.push("2 indicators, 88.0 on average"),
        None => expected.push("the flow in Python is left out"),
    }
    for line in expected {
        assert!(said.contains(line), "no `{line}` in {said}");
    }
    assert!(!said.contains("flowcore "), "called by another name, it says that name: {said}");
}

#[tokio::test]
async fn a_walk_without_postgresql_says_what_is_missing() {
    let output = walk().env_remove(POSTGRES).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("PostgreSQL is missing: set FLOWCORE_TEST_POSTGRES_URL"), "{said}");
    assert!(said.contains("`cargo xtask walk`, which starts one"), "{said}");
}
