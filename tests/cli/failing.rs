//! Settings, wrong command lines, closed pipes: what is said, and how the command ends.

use std::process::Stdio;

use flowcore::store::sql::schema_version;
use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn settings_are_shown_without_secrets() {
    let world = World::new().await;
    assert_snapshot!(world.flowcore("config view --show-sources"));
    let variables = [
        ("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://ann:hush@db/flows"),
        ("FLOWCORE_S3_SECRET_ACCESS_KEY", "hush"),
        ("FLOWCORE_TASK_LIMITS", "8"),
    ];
    let shown = world.flowcore_with(&variables, "config view --show-sources");
    assert_snapshot!(shown);
    let json = world.flowcore_with(&variables, "config view --output json");
    assert_eq!(json.json()[0]["name"], "FLOWCORE_HOME");
    assert!(!json.out.contains("hush"));
}

#[tokio::test]
async fn the_version_is_shown() {
    let world = World::new().await;
    // The schema grows; what the command shows is what this build knows.
    let schema = format!("Schema    {}\n", schema_version().unwrap_or_default());
    assert_snapshot!(world.flowcore("version").to_string().replace(&schema, "Schema    [newest]\n"));
    let database = format!("sqlite://{}/flowcore.db", "[home]");
    assert_eq!(world.flowcore("version --output json").json()["database"], database);
}

#[tokio::test]
async fn a_wrong_setting_is_one_sentence() {
    let world = World::new().await;
    for (variable, value) in [
        ("FLOWCORE_TASK_LIMIT", "many"),
        ("FLOWCORE_DATABASE_URL", "mysql://ann:hush@db/flows"),
        ("FLOWCORE_DATABASE_URL", "/proc/no/such/folder/runs.db"),
    ] {
        let failed = world.flowcore_with(&[(variable, value)], "flow ls");
        assert_eq!((failed.code, failed.out.as_str()), (Some(1), ""), "{failed}");
        assert!(failed.err.starts_with("error: ") && failed.err.lines().count() == 1, "{failed}");
        assert!(failed.err.contains(variable) && !failed.err.contains("hush"), "{failed}");
    }
}

#[tokio::test]
async fn without_a_home_the_command_says_what_to_set() {
    let world = World::new().await;
    let output = world.command("flow ls").env_remove("FLOWCORE_HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("set FLOWCORE_HOME"));
}

#[tokio::test]
async fn wrong_command_lines_end_with_two() {
    let world = World::new().await;
    for line in ["", "flow", "flow-run ls --output xml", "flow-run ls --since x", "flow-run logs a --head --tail"] {
        let failed = world.flowcore(line);
        assert_eq!(failed.code, Some(2), "{failed}");
        assert!(!failed.err.is_empty(), "{failed}");
    }
}

#[tokio::test]
async fn a_closed_pipe_is_silent() {
    let world = World::new().await;
    world.fill().await;
    for line in ["flow-run ls", "flow-run inspect brave-otter -o json", "config view"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = world.command(line).stdout(Stdio::from(writer)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{line}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_found_first() {
    let world = World::new().await;
    world.fill().await;
    // The second one is not there, so that the first one stays.
    assert_eq!(world.flowcore("flow-run delete --yes brave-otter no-such-run").code, Some(1));
    assert_eq!(world.flowcore("flow-run ls -o json").json().as_array().unwrap().len(), 4);
    assert_snapshot!(world.flowcore("flow-run delete --yes brave-otter 01960002 01960002"));
    let left = world.flowcore("flow-run ls -o json").json();
    let names: Vec<_> = left.as_array().unwrap().iter().map(|run| run["flow_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mail", "child"]);
}
