//! Tests of reading files.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::{any, proptest};
use serde_json::json;

use super::DeployFile;

fn wrong(text: &str) -> String {
    DeployFile::parse(text).unwrap_err().to_string()
}

#[test]
fn a_file_of_the_dhis2_stack_is_read_as_it_is() {
    let text = r#"
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: /opt/prefect/deployments/dhis2_ou

deployments:
  - name: dhis2-ou
    entrypoint: flow.py:dhis2_ou_flow
    schedules:
      - cron: "*/15 * * * *"
        timezone: "UTC"
    work_pool:
      name: default
"#;
    let file = DeployFile::parse(text).unwrap();
    let [deployment] = &file.deployments[..] else { panic!("there is one: {file:?}") };
    assert_eq!(deployment.name().as_deref(), Some("dhis2-ou"));
    assert_eq!(deployment.flow(), Some("dhis2_ou_flow"));
    assert_eq!(deployment.fields["schedules"], json!([{"cron": "*/15 * * * *", "timezone": "UTC"}]));
    let directory = json!({"directory": "/opt/prefect/deployments/dhis2_ou"});
    let pull = deployment.steps.pull.as_ref().unwrap();
    assert_eq!(pull[0]["prefect.deployments.steps.set_working_directory"], directory);
}

#[test]
fn what_prefect_writes_for_a_new_project_is_read() {
    let text = "
name: p
prefect-version: 3.8.8
build: null
push: null
pull:
- prefect.deployments.steps.set_working_directory: {directory: /srv}
deployments:
- name: null
  version: null
  tags: []
  description: null
  schedule: {}
  flow_name: null
  entrypoint: null
  parameters: {}
  work_pool: {name: null, work_queue_name: null, job_variables: {}}
";
    let file = DeployFile::parse(text).unwrap();
    assert_eq!((file.deployments.len(), file.deployments[0].name()), (1, None));
}

#[test]
fn a_deployments_own_steps_go_before_the_files() {
    let text = "
build: [{a: {}}]
pull: {b: {x: 1}}
deployments: [{name: one, build: []}, {name: two, pull: [{c: }], build: }]
";
    let file = DeployFile::parse(text).unwrap();
    let [one, two] = &file.deployments[..] else { panic!("there are two: {file:?}") };
    assert_eq!(one.steps.build, Some(Vec::new()));
    assert_eq!(one.steps.pull, file.steps.pull);
    assert_eq!(two.steps.build, file.steps.build);
    assert!(two.steps.pull.as_ref().unwrap()[0].contains_key("c"));
    assert_eq!(two.steps.push, None);
}

#[test]
fn unknown_keys_are_refused_with_place_and_nearest_name() {
    let text = "deployments:\n  - name: x\n    entry_point: flow.py:f\n";
    assert_eq!(wrong(text), "3:5: a deployment has no `entry_point`; did you mean `entrypoint`?");
    assert!(wrong("colour: red").starts_with("1:1: the file has no `colour`; it has: name, prefect-version"));
    let text = "deployments:\n- schedules:\n  - {corn: '* * * * *'}\n";
    assert_eq!(wrong(text), "3:6: a schedule has no `corn`; did you mean `cron`?");
    let text = "definitions: {p: &p {nmae: x}}\ndeployments: [{work_pool: *p}]";
    assert_eq!(wrong(text), "1:22: a work pool has no `nmae`; did you mean `name`?");
}

#[test]
fn wrong_types_are_refused_and_placeholders_may_be_anything() {
    let deployment = |line: &str| wrong(&format!("deployments:\n- {line}\n"));
    assert_eq!(deployment("paused: maybe"), "2:11: `paused` is to be true or false, and is `maybe`");
    assert_eq!(deployment("parameters: [1]"), "2:15: `parameters` is to be a mapping, and is a list");
    assert_eq!(
        deployment("concurrency_limit: 0"),
        "2:22: `concurrency_limit` is to be a whole number from 1 on, and is `0`"
    );
    assert!(deployment("concurrency_limit: {collision_strategy: WAIT}").contains("ENQUEUE or CANCEL_NEW"));
    assert!(deployment("schedules: [{interval: often}]").contains("01:30:00"));
    assert!(deployment("pull: [set_working_directory]").contains("a step is to be a mapping"));
    assert!(wrong("pull:\n- a: {}\n  b: {}").starts_with("3:3: a step has one key"));
    assert_eq!(wrong("- 1"), "1:1: the file is to be a mapping, and is a list");
    let text =
        "deployments: [{paused: '{{ prefect.variables.rest }}', tags: '{{ tags }}', concurrency_limit: '{{ n.m }}'}]";
    assert!(DeployFile::parse(text).is_ok());
}

proptest! {
    #[test]
    fn no_file_ends_in_a_panic(
        text in any::<String>(),
        likely in "((deployments|name|pull|build|schedules|work_pool|tags|x): ?|- |\n|  |\\[|\\]|\\{|\\}|1|'a'|~){0,50}",
    ) {
        for text in [text, likely] {
            let _ = DeployFile::parse(&text);
        }
    }
}
