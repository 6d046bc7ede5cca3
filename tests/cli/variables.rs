//! `variable`: values under names.

use flowcore::model::NewVariable;
use insta::assert_snapshot;
use serde_json::json;
use serde_json::value::RawValue;

use crate::world::{Transcript, World};

/// Runs `variable set` with arguments that may have spaces in them.
fn set(world: &World, arguments: &[&str]) -> Transcript {
    let line = format!("variable set {}", arguments.join(" "));
    world.transcript(&line, &world.command("variable set").args(arguments).output().unwrap())
}

async fn put(world: &World, name: &str, value: &str, tags: &[&str]) {
    let value = RawValue::from_string(value.to_owned()).unwrap();
    let tags = Some(tags.iter().map(|tag| (*tag).to_owned()).collect());
    world.client.set_variable(NewVariable { name: name.into(), value, tags, overwrite: false }).await.unwrap().unwrap();
    world.clock.advance(1000);
}

#[tokio::test]
async fn variables_are_set_read_and_deleted() {
    let world = World::new().await;
    let told: Vec<String> = [
        &["owner", "Ada Lovelace"] as &[&str],
        &["owner", "Grace"],
        &["owner", "Grace", "--overwrite"],
        &["Owner", "Grace"],
        &["offset", "-5"],
        &["page", "20", "--tag", "report", "--tag", "daily"],
        &["page", "twenty", "--json", "--overwrite"],
        &["page", "30", "--text", "--json"],
    ]
    .iter()
    .map(|arguments| set(&world, arguments).to_string())
    .collect();
    assert_snapshot!(told.join("\n"));
    let told: Vec<String> = [
        "variable get owner",
        "variable get owner -o json",
        "variable get offset",
        "variable get none",
        "variable inspect none",
        "variable unset owner",
        "variable unset owner",
        "variable delete offset",
        "variable get offset",
    ]
    .iter()
    .map(|line| world.flowcore(line).to_string())
    .collect();
    assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_value_is_json_where_it_can_be() {
    let world = World::new().await;
    for (value, kind, kept) in [
        ("007", "", json!("007")),
        ("7", "", json!(7)),
        ("7", "--text", json!("7")),
        ("true", "", json!(true)),
        ("null", "", json!(null)),
        ("null", "--text", json!("null")),
        ("\"a\"", "", json!("a")),
        ("\"a\"", "--text", json!("\"a\"")),
        ("[1, \"b\"]", "--json", json!([1, "b"])),
        ("{\"a\": {}}", "", json!({"a": {}})),
        ("{a: 1}", "", json!("{a: 1}")),
        ("", "", json!("")),
    ] {
        let arguments = ["x", value, "--overwrite", "-o", "json", kind];
        let shown = set(&world, &arguments[..if kind.is_empty() { 5 } else { 6 }]).json();
        assert_eq!(shown["value"], kept, "{value} {kind}");
        assert_eq!(world.flowcore("variable get x -o json").json(), kept, "{value} {kind}");
    }
}

#[tokio::test]
async fn tags_stay_unless_others_are_given() {
    let world = World::new().await;
    put(&world, "x", "1", &["a", "b"]).await;
    assert_eq!(set(&world, &["x", "2", "--overwrite", "-o", "json"]).json()["tags"], json!(["a", "b"]));
    assert_eq!(set(&world, &["x", "2", "--overwrite", "--tag", "c", "-o", "json"]).json()["tags"], json!(["c"]));
}

#[tokio::test]
async fn variables_are_listed_and_shown() {
    let world = World::new().await;
    assert_snapshot!(world.flowcore("variable ls"));
    put(&world, "recipients", r#"["ada@example.org", "grace@example.org"]"#, &["mail", "daily"]).await;
    put(&world, "page_size", "20", &["daily"]).await;
    put(&world, "owner", r#""Ada\nLovelace""#, &[]).await;
    let told: Vec<String> = [
        "variable ls",
        "variable ls --name-like ER",
        "variable ls --tag daily --tag mail",
        "variable ls --limit 1",
        "variable ls --tag nothing",
        "variable ls --tag nothing -o json",
    ]
    .iter()
    .map(|line| world.flowcore(line).to_string())
    .collect();
    assert_snapshot!(told.join("\n"));
    let shown = world.flowcore("variable inspect recipients").to_string();
    assert_snapshot!(shown.lines().filter(|line| !line.starts_with("ID")).collect::<Vec<_>>().join("\n"));
    let listed = world.flowcore("variable ls -o json").json();
    assert_eq!((&listed[0]["name"], &listed[0]["value"]), (&json!("owner"), &json!("Ada\nLovelace")));
    assert_eq!(listed[0], world.flowcore("variable inspect owner -o json").json());
}
