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

    assert!(site.does("block create secret").contains("block create secret --name NAME --field value=VALUE"));
    let empty = site.fails("block create secret --name key");
    assert!(empty.contains("a block of the type `secret` has to have: value"), "{empty}");
    assert!(site.fails("block create balloon --name key").contains("block type ls"));
    assert!(site.does("block create secret --name key --field value=hush").contains("Made the block 'secret/key'"));
    assert!(site.fails("block create secret --name key --field value=x").contains("there is a block `secret/key`"));
    let made = site.json("api get /block_types/slug/secret/block_documents/name/key");
    assert!(site.does("block ls").contains("secret/key"));
    let shown = site.does("block inspect secret/key");
    assert!(shown.contains("value  ***") && !shown.contains("hush"), "{shown}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(site.json(&format!("block inspect --id {id} -o json"))["name"], "key");
    assert!(site.fails("block inspect key").contains("TYPE/NAME"));
    site.does("block delete secret/key");
    assert!(site.fails("block delete secret/key").contains("there is no block"));
}

const YAML: &str = "
name: late
trigger:
  type: event
  match: {prefect.resource.id: prefect.flow-run.*}
  expect: [prefect.flow-run.Late]
  posture: Reactive
  threshold: 1
  within: 60
actions:
  - type: do-nothing
";

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
    let file = site.world.home.path().join("automation.yaml");
    std::fs::write(&file, YAML).unwrap();
    assert!(site.does(&format!("automation create -f {}", file.display())).contains("Made the automation 'late'"));
    let late = site.json("automation inspect late -o json");
    assert_eq!((&late["trigger"]["within"], &late["actions"][0]["type"]), (&json!(60.0), &json!("do-nothing")));
    let id_of_late = late["id"].as_str().unwrap();
    std::fs::write(&file, YAML.replace("name: late", "name: later")).unwrap();
    site.does(&format!("automation update --id {id_of_late} --from-file {}", file.display()));
    site.does("automation delete later");
    std::fs::write(&file, "name: [").unwrap();
    let broken = site.fails(&format!("automation create -f {}", file.display()));
    assert!(broken.contains("automation.yaml:") && broken.contains("this is no YAML"), "{broken}");

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

#[tokio::test]
async fn task_runs_are_limited_by_their_tags() {
    let site = Site::start().await;
    assert!(site.does("concurrency-limit create gpu 2").contains("The tag 'gpu' has a limit of 2 now."));
    site.does("concurrency-limit create gpu 3");
    assert_eq!(site.json("concurrency-limit ls -o json")[0]["concurrency_limit"], 3);
    // As the client of Prefect makes it for a task run that begins.
    let task = "01970001-0000-7000-8000-000000000001";
    let body = json!({"names": ["gpu"], "task_run_id": task}).to_string();
    let taken = site.words(&["api", "post", "/concurrency_limits/increment", "--data", &body]);
    assert_eq!(taken.code, Some(0), "{taken}");
    assert!(site.does("concurrency-limit inspect gpu").contains(task));
    assert!(site.does("concurrency-limits ls").contains("gpu"));
    assert!(site.does("concurrency ls").contains("tag:gpu"), "it is one of all limits");
    assert!(site.does("concurrency-limit reset gpu").contains("free"));
    assert_eq!(site.json("concurrency-limit inspect gpu -o json")["active_slots"], json!([]));
    site.does("concurrency-limit delete gpu -y");
    for command in ["inspect", "reset", "delete"] {
        let missing = site.fails(&format!("concurrency-limit {command} gpu"));
        assert!(missing.contains("the tag `gpu` has no limit"), "{missing}");
    }
}

#[tokio::test]
async fn deployments_that_name_no_pool_are_of_the_default_one() {
    let site = Site::start().await;
    let made = site.does("work-pool create first --set-as-default --description mine");
    assert!(made.contains("Set deployments.default_work_pool_name to 'first' in profile 'default'."), "{made}");
    let verbose = site.does("work-pool ls --verbose");
    assert!(verbose.contains("BASE JOB TEMPLATE") && verbose.contains("mine"), "{verbose}");
    assert!(!site.does("work-pool ls").contains("mine"));
    let program = flowcore_tests::built::programs().join("deployments");
    let deploy = format!("deploy {}:report --name free --param region=north", program.display());
    site.does(&deploy);
    assert_eq!(site.json("deployment inspect report/free -o json")["work_pool_name"], "first");
    site.does("config unset deployments.default_work_pool_name");
    assert!(site.fails(&deploy.replace("free", "poolless")).contains("it has no work pool"));
}
