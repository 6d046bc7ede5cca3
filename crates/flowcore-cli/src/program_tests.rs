#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use flowcore::model::{FlowId, FlowRunId, FlowRunOrigin, Pauses, RetryPolicy, RunTimes, State, StateId, Timestamp};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;

fn run(kind: StateType, program: Option<Program>) -> FlowRun {
    let now = Timestamp::UNIX_EPOCH;
    FlowRun {
        id: FlowRunId(Uuid::nil()),
        flow_id: FlowId(Uuid::nil()),
        flow_name: "etl".to_owned(),
        name: "brave-otter".to_owned(),
        tags: Vec::new(),
        parameters: RawValue::from_string("{}".to_owned()).unwrap(),
        flow_version: None,
        parent_task_run_id: None,
        empirical_policy: RetryPolicy::default(),
        run_count_at_start: 0,
        state: State::new(kind, StateId(Uuid::nil()), now),
        times: RunTimes::new(now),
        process_id: None,
        program,
        labels: BTreeMap::new(),
        origin: FlowRunOrigin::default(),
        pauses: Pauses::default(),
        created: now,
        updated: now,
    }
}

fn program() -> Program {
    Program {
        executable: std::env::current_exe().unwrap(),
        arguments: vec!["--day".to_owned(), "1 May".to_owned()],
        directory: std::env::temp_dir(),
        executes_runs: true,
    }
}

#[test]
fn runs_that_ended_badly_can_be_retried_and_no_others() {
    for kind in StateType::ALL {
        let expected = matches!(kind, StateType::Failed | StateType::Cancelled | StateType::Crashed);
        assert_eq!(retriable(&run(kind, Some(program()))).is_ok(), expected, "{kind}");
    }
    let mut waiting = run(StateType::Scheduled, Some(program()));
    waiting.state.name = StateName::AWAITING_RETRY.into();
    assert!(retriable(&waiting).is_ok());
}

#[test]
fn what_is_missing_is_said() {
    let refused = |program| retriable(&run(StateType::Failed, program)).unwrap_err();
    assert!(refused(None).starts_with("no program is stored with it"));
    assert!(refused(Some(Program { executes_runs: false, ..program() })).contains("#[flowcore::main]"));
    assert_eq!(
        refused(Some(Program { executable: "/gone/etl".into(), ..program() })),
        "its program /gone/etl is gone: build it again"
    );
    assert!(refused(Some(Program { directory: "/gone".into(), ..program() })).starts_with("the folder /gone "));
}

#[test]
fn a_command_line_is_quoted_where_needed() {
    let program = Program { executable: "/bin/etl".into(), ..program() };
    assert_eq!(command_line(&program), "/bin/etl --day '1 May'");
}

#[cfg(unix)]
#[test]
fn exit_codes_are_those_of_a_shell() {
    use std::os::unix::process::ExitStatusExt;

    assert_eq!([0x0000, 0x0300, 9].map(|raw| exit_code(ExitStatus::from_raw(raw))), [0, 3, 137]);
}
