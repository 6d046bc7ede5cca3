//! `flowcore block`, `flowcore automation`, and the further names of `flowcore concurrency`.

use serde_json::json;

use crate::served::{Served, id_in};

#[tokio::test]
async fn blocks_are_looked_at_and_deleted() {
    let served = Served::start().await;
    let types = served.does("block type ls");
    assert!(types.contains("secret") && types.contains("slack-webhook"), "{types}");
    let kind = served.does("block type inspect secret");
    assert!(kind.contains("Fields") && kind.contains("value"), "{kind}");
    assert!(served.fails("block type inspect balloon").contains("block type ls"));

    let kind = served.json("block type inspect secret -o json")["id"].as_str().unwrap().to_owned();
    let filter = json!({"block_schemas": {"block_type_id": {"any_": [kind]}}}).to_string();
    let schemas = served.words(&["api", "post", "/block_schemas/filter", "--data", &filter]).json();
    let body = json!({
        "name": "key", "block_type_id": kind, "block_schema_id": schemas[0]["id"], "data": {"value": "hush"},
    });
    let made = served.words(&["api", "post", "/block_documents/", "--data", &body.to_string()]).json();
    assert!(served.does("block ls").contains("secret/key"));
    let shown = served.does("block inspect secret/key");
    assert!(shown.contains("value  ***") && !shown.contains("hush"), "{shown}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(served.json(&format!("block inspect --id {id} -o json"))["name"], "key");
    assert!(served.fails("block inspect key").contains("TYPE/NAME"));
    served.does("block delete secret/key");
    assert!(served.fails("block delete secret/key").contains("there is no block"));
}

#[tokio::test]
async fn automations_are_kept() {
    let served = Served::start().await;
    let automation = |name: &str| {
        json!({
            "name": name,
            "trigger": {"type": "event", "expect": ["order.placed"], "posture": "Reactive", "threshold": 1, "within": 0},
            "actions": [{"type": "do-nothing"}],
        })
    };
    let text = automation("orders").to_string();
    let made = served.words(&["automation", "create", "--from-json", &text]);
    assert_eq!(made.code, Some(0), "{made}");
    let id = id_in(&made.out);
    let file = served.world.home.path().join("automations.json");
    std::fs::write(&file, json!({"automations": [automation("a"), automation("b")]}).to_string()).unwrap();
    assert_eq!(served.does(&format!("automation create --from-file {}", file.display())).lines().count(), 2);
    let listed = served.does("automation ls");
    assert!(listed.contains("orders") && listed.contains("do-nothing"), "{listed}");
    served.does("automation pause orders");
    assert_eq!(served.json("automation inspect orders -o json")["enabled"], false);
    served.does(&format!("automation enable --id {id}"));
    assert!(served.does("automation inspect orders").contains("order.placed"));

    let mut known = served.json("automation inspect orders -o json");
    known["description"] = json!("of the shop");
    let changed = served.words(&["automation", "update", "--id", &id, "--from-json", &known.to_string()]);
    assert_eq!(changed.code, Some(0), "{changed}");
    assert!(served.does("automation inspect orders").contains("of the shop"));

    let refused = served.words(&["automation", "create", "-j", r#"{"name": "x"}"#]);
    assert!(refused.code == Some(1) && refused.err.contains("trigger"), "{refused}");
    assert!(served.fails("automation create").contains("--from-file"));
    served.does(&format!("automation delete --id {id}"));
    assert!(served.fails("automation inspect orders").contains("no automation"));
    assert!(served.does("automations delete --all").contains("Deleted 2 automations"));
}

#[tokio::test]
async fn limits_have_the_names_that_they_have_in_prefect() {
    let served = Served::start().await;
    served.does("gcl create db --limit 3");
    served.does("global-concurrency-limit disable db");
    assert_eq!(served.json("gcl inspect db -o json")["active"], false);
    served.does("gcl enable db");
    assert!(served.does("gcl delete db").contains("Deleted the concurrency limit 'db'"));
    assert!(served.fails("gcl delete db").contains("db"));
}
