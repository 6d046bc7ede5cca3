//! `flowcore deployment schedule`, and the flags of `deployment run` and `delete`.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::site::{Site, id_in};

#[tokio::test]
async fn schedules_are_made_listed_paused_and_deleted() {
    let site = Site::start().await;
    site.deployed("nightly");
    let none = site.flowcore("deployment schedule ls report/nightly");
    assert!(none.code == Some(0) && none.err.contains("schedule create"), "{none}");
    let oslo =
        ["deployment", "schedule", "create", "report/nightly", "--cron", "0 6 * * 1", "--timezone", "Europe/Oslo"];
    let made = site.words(&oslo);
    assert!(made.code == Some(0) && made.out.contains("0 6 * * 1 (Europe/Oslo)"), "{made}");
    site.does("deployment schedule create report/nightly --interval 3600 --no-active");
    let bad = site.words(&["deployment", "schedule", "create", "report/nightly", "--cron", "every now and then"]);
    assert!(bad.code == Some(1) && bad.err.contains("cron"), "{bad}");
    assert!(site.fails("deployment schedule create report/nightly").contains("--cron, --interval or --rrule"));
    assert!(site.fails("deployment schedule create report/none --interval 60").contains("no deployment"));

    let listed = site.json("deployment schedule ls report/nightly -o json");
    let of = |key: &str| {
        let found = listed.as_array().unwrap().iter().find(|one| one["schedule"].get(key).is_some()).unwrap();
        (found["id"].as_str().unwrap().to_owned(), found["active"].as_bool().unwrap())
    };
    let ((cron, cron_active), (interval, interval_active)) = (of("cron"), of("interval"));
    assert!(cron_active && !interval_active && listed.as_array().unwrap().len() == 2, "{listed}");
    let table = site.does("deployment schedule ls report/nightly");
    assert!(table.contains("every 3600 s") && table.contains(&cron), "{table}");

    let active = |id: &str| {
        let found = site.json("deployment schedule ls report/nightly -o json");
        found.as_array().unwrap().iter().find(|one| one["id"] == id).map(|one| one["active"].clone())
    };
    site.does(&format!("deployment schedule pause report/nightly {cron}"));
    assert_eq!(active(&cron), Some(json!(false)));
    assert!(site.does("deployment schedule resume --all").contains("2 schedules"));
    assert_eq!((active(&cron), active(&interval)), (Some(json!(true)), Some(json!(true))));
    assert!(site.does("deployment schedule pause --all").contains("Paused 2 schedules"));
    assert!(
        site.fails(&format!("deployment schedule pause report/nightly {}", uuid::Uuid::nil())).contains("no schedule")
    );
    site.does(&format!("deployment schedule delete report/nightly {interval} -y"));
    assert_eq!(active(&interval), None);
    assert!(site.does("deployment schedule clear report/nightly").contains("Deleted 1 schedule"));
    assert_eq!(site.json("deployment inspect report/nightly -o json")["schedules"], json!([]));
}

#[tokio::test]
async fn one_schedule_takes_the_place_of_all() {
    let site = Site::start().await;
    site.deployed("nightly");
    site.does("deployment schedule create report/nightly --interval 3600");
    site.does("deployment schedule create report/nightly --interval 7200");
    let schedules = || {
        let found = site.json("deployment inspect report/nightly -o json");
        found["schedules"].as_array().unwrap().iter().map(|one| one["schedule"].clone()).collect::<Vec<_>>()
    };
    let set = site.words(&["deployment", "set-schedule", "report/nightly", "--cron", "0 8 * * *"]);
    assert!(set.code == Some(0) && set.out.contains("0 8 * * *"), "{set}");
    assert_eq!(schedules().iter().map(|one| &one["cron"]).collect::<Vec<_>>(), [&json!("0 8 * * *")]);
    site.does("deployment schedule create report/nightly --interval 1800 --replace --accept-yes");
    assert_eq!(schedules().iter().map(|one| &one["interval"]).collect::<Vec<_>>(), [&json!(1800.0)]);
    site.does("deployment clear-schedule report/nightly");
    assert!(schedules().is_empty());
}

#[tokio::test]
async fn a_run_is_made_as_the_flags_say() {
    let site = Site::start().await;
    site.deployed("nightly");
    let deployment = site.json("deployment inspect report/nightly -o json")["id"].as_str().unwrap().to_owned();
    let line =
        format!("deployment run --id {deployment} --flow-run-name mine --tag once --job-variable stream_output=false");
    let words: Vec<&str> = line.split(' ').chain(["--start-in", "10 minutes", "--params", r#"{"days": 3}"#]).collect();
    let made = site.words(&words);
    assert_eq!(made.code, Some(0), "{made}");
    let run = site.json(&format!("api get /flow_runs/{}", id_in(&made.out)));
    assert_eq!((&run["name"], &run["parameters"]["days"]), (&json!("mine"), &json!(3)), "{run}");
    assert_eq!(run["job_variables"], json!({"stream_output": false}));
    assert!(run["tags"].as_array().unwrap().contains(&json!("once")), "{run}");
    let at: DateTime<Utc> = run["expected_start_time"].as_str().unwrap().parse().unwrap();
    assert!((at - Utc::now()).num_seconds() > 500, "{run}");
    let waited = site.flowcore("deployment run report/nightly --watch --watch-interval 1 --watch-timeout 0");
    assert!(waited.code == Some(1) && waited.err.contains("within 0 s"), "nobody executes it: {waited}");
    let preview = site.does("work-pool preview default");
    assert!(preview.contains("mine"), "{preview}");

    site.deployed("weekly");
    assert!(site.does("deployment delete --all").contains("Deleted 2 deployments"));
    assert!(site.fails(&format!("deployment delete --id {deployment}")).contains("no deployment"));
}
