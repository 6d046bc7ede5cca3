//! `flowcore block`, `flowcore automation`, and the further names of `flowcore concurrency`.

use serde_json::json;

use crate::site::{Site, id_in};

#[tokio::test]
async fn blocks_are_looked_at_and_deleted() {
    let site = Site::start().await;
    let types = site.does("block type ls");
    assert!(types.contains("secret") && types.contains("slack-webhook"), "{types}");
    let kind = site.does("block type inspect secret");
    assert!(kind.contains("Fields") && kind.contains("value"), "{kind}");
    assert!(site.fails("block type inspect balloon").contains("block type ls"));

    let kind = site.json("block type inspect secret -o json")["id"].as_str().unwrap().to_owned();
    let filter = json!({"block_schemas": {"block_type_id": {"any_": [kind]}}}).to_string();
    let schemas = site.words(&["api", "post", "/block_schemas/filter", "--data", &filter]).json();
    let body = json!({
        "name": "key", "block_type_id": kind, "block_schema_id": schemas[0]["id"], "data": {"value": "hush"},
    });
    let made = site.words(&["api", "post", "/block_documents/", "--data", &body.to_string()]).json();
    assert!(site.does("block ls").contains("secret/key"));
    let shown = site.does("block inspect secret/key");
    assert!(shown.contains("value  ***") && !shown.contains("hush"), "{shown}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(site.json(&format!("block inspect --id {id} -o json"))["name"], "key");
    assert!(site.fails("block inspect key").contains("TYPE/NAME"));
    site.does("block delete secret/key");
    assert!(site.fails("block delete secret/key").contains("there is no block"));
}

#[tokio::test]
async fn automations_are_kept() {
    let site = Site::start().await;
    let automation = |name: &str| {
        json!({
            "name": name,
            "trigger": {"type": "event", "expect": ["order.placed"], "posture": "Reactive", "threshold": 1, "within": 0},
            "actions": [{"type": "do-nothing"}],
        })
    };
    let text = automation("orders").to_string();
    let made = site.words(&["automation", "create", "--from-json", &text]);
    assert_eq!(made.code, Some(0), "{made}");
    let id = id_in(&made.out);
    let file = site.world.home.path().join("automations.json");
    std::fs::write(&file, json!({"automations": [automation("a"), automation("b")]}).to_string()).unwrap();
    assert_eq!(site.does(&format!("automation create --from-file {}", file.display())).lines().count(), 2);
    let listed = site.does("automation ls");
    assert!(listed.contains("orders") && listed.contains("do-nothing"), "{listed}");
    site.does("automation pause orders");
    assert_eq!(site.json("automation inspect orders -o json")["enabled"], false);
    site.does(&format!("automation enable --id {id}"));
    assert!(site.does("automation inspect orders").contains("order.placed"));

    let mut known = site.json("automation inspect orders -o json");
    known["description"] = json!("of the shop");
    let changed = site.words(&["automation", "update", "--id", &id, "--from-json", &known.to_string()]);
    assert_eq!(changed.code, Some(0), "{changed}");
    assert!(site.does("automation inspect orders").contains("of the shop"));

    let refused = site.words(&["automation", "create", "-j", r#"{"name": "x"}"#]);
    assert!(refused.code == Some(1) && refused.err.contains("trigger"), "{refused}");
    assert!(site.fails("automation create").contains("--from-file"));
    site.does(&format!("automation delete --id {id}"));
    assert!(site.fails("automation inspect orders").contains("no automation"));
    assert!(site.does("automations delete --all").contains("Deleted 2 automations"));
}

#[tokio::test]
async fn limits_have_the_names_that_they_have_in_prefect() {
    let site = Site::start().await;
    site.does("gcl create db --limit 3");
    site.does("global-concurrency-limit disable db");
    assert_eq!(site.json("gcl inspect db -o json")["active"], false);
    site.does("gcl enable db");
    assert!(site.does("gcl delete db").contains("Deleted the concurrency limit 'db'"));
    assert!(site.fails("gcl delete db").contains("db"));
}
