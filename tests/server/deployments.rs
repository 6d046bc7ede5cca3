//! Deployments, their schedules and their runs.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

impl World {
    async fn deployment(&self, flow: &str, name: &str, more: Value) -> Value {
        let mut body = json!({"flow_id": self.flow(flow).await, "name": name});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/deployments/", body).await
    }

    async fn patch(&self, path: &str, body: Value) {
        let (status, answer) = self.ask(Method::PATCH, path, Some(body)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
    }

    async fn delete(&self, path: &str) -> StatusCode {
        self.ask(Method::DELETE, path, None).await.0
    }

    async fn refused(&self, path: &str, body: Value) -> (StatusCode, String) {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert!(!status.is_success(), "{path}: {answer}");
        (status, answer.to_string())
    }

    /// Lists the runs of a deployment, in the order of their times.
    async fn runs_of(&self, deployment: &Value) -> Vec<Value> {
        let filter = json!({"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"});
        self.post("/flow_runs/filter", filter).await.as_array().unwrap().clone()
    }
}

fn path(deployment: &Value, rest: &str) -> String {
    format!("/deployments/{}{rest}", text(&deployment["id"]))
}

fn daily(slug: &str) -> Value {
    json!({"schedule": {"cron": "0 9 * * *", "timezone": "America/New_York"}, "slug": slug})
}

pub(crate) async fn a_deployment_is_made_once_and_changed(world: Arc<World>) {
    let made = world
        .deployment(
            "etl",
            "nightly",
            json!({
                "tags": ["a"], "parameters": {"x": 1}, "concurrency_limit": 2, "description": "first", "version": "1",
                "concurrency_options": {"collision_strategy": "CANCEL_NEW"}, "pull_steps": [{"step": {}}],
                "schedules": [{"schedule": {"interval": 3600}}], "labels": {"team": "data"},
            }),
        )
        .await;
    assert_eq!(made["status"], "NOT_READY");
    assert_eq!((&made["concurrency_limit"], &made["global_concurrency_limit"]["limit"]), (&Value::Null, &json!(2)));
    assert_eq!(made["global_concurrency_limit"]["name"], format!("deployment:{}", text(&made["id"])));
    assert_eq!(made["schedules"][0]["schedule"]["timezone"], "UTC");
    assert_eq!(made["parameter_openapi_schema"], json!({}));
    assert_eq!((&made["labels"]["team"], &made["labels"]["prefect.flow.id"]), (&json!("data"), &made["flow_id"]));

    // What is not said stays, but for the schedules and the parameters.
    let body = json!({"flow_id": made["flow_id"], "name": "nightly", "description": null, "concurrency_limit": 5});
    let (status, again) = world.ask(Method::POST, "/deployments/", Some(body)).await;
    assert_eq!((status, &again["id"], &again["created"]), (StatusCode::OK, &made["id"], &made["created"]));
    assert_eq!((&again["tags"], &again["parameters"]), (&json!(["a"]), &json!({})));
    assert_eq!((&again["description"], &again["schedules"]), (&Value::Null, &json!([])));
    assert_eq!(again["global_concurrency_limit"]["limit"], 5);

    world.patch(&path(&made, ""), json!({"tags": ["b"], "paused": true, "concurrency_limit": null})).await;
    let read = world.get("/deployments/name/etl/nightly").await;
    assert_eq!((&read["tags"], &read["paused"], &read["parameters"]), (&json!(["b"]), &json!(true), &json!({})));
    assert_eq!(read["global_concurrency_limit"], Value::Null);
    assert_eq!(read, world.get(&path(&made, "")).await);

    let both = json!({"flow_id": made["flow_id"], "name": "z", "concurrency_limit": 1, "global_concurrency_limit_id": made["id"]});
    assert_eq!(world.refused("/deployments/", both).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = json!({"flow_id": made["flow_id"], "name": "z", "color": 1});
    assert!(world.refused("/deployments/", unknown).await.1.contains("extra_forbidden"));
    let homeless = json!({"flow_id": made["id"], "name": "z"});
    assert_eq!(world.refused("/deployments/", homeless).await.0, StatusCode::CONFLICT);
    let wrong = json!({"flow_id": made["flow_id"], "name": "z", "schedules": [{"schedule": {"cron": "never"}}]});
    assert!(world.refused("/deployments/", wrong).await.1.contains("Invalid cron string"));

    assert_eq!(world.delete(&path(&made, "")).await, StatusCode::NO_CONTENT);
    assert_eq!(world.delete(&path(&made, "")).await, StatusCode::NOT_FOUND);
}

pub(crate) async fn schedules_make_runs_and_take_back_their_own(world: Arc<World>) {
    let made = world
        .deployment(
            "report",
            "d",
            json!({
                "tags": ["t"], "parameters": {"x": 1, "y": 1},
                "schedules": [daily("one"), {"schedule": {"interval": 86400}, "slug": "two", "parameters": {"y": 2}}],
            }),
        )
        .await;
    let range = json!({"start_time": "2099-03-06T00:00:00Z", "min_runs": 4, "min_time": 0});
    world.post(&path(&made, "/schedule"), range.clone()).await;
    world.post(&path(&made, "/schedule"), range.clone()).await;
    let runs = world.runs_of(&made).await;
    assert_eq!(runs.len(), 8);
    let slugs =
        |runs: &[Value]| -> Vec<String> { runs.iter().map(|run| text(&run["created_by"]["display_value"])).collect() };
    let of_one: Vec<&Value> = runs.iter().filter(|run| run["created_by"]["display_value"] == "one").collect();
    // The clocks change on the 8th of March.
    let times: Vec<String> = of_one.iter().map(|run| text(&run["expected_start_time"])).collect();
    assert_eq!(times, ["2099-03-06T14:00:00Z", "2099-03-07T14:00:00Z", "2099-03-08T13:00:00Z", "2099-03-09T13:00:00Z"]);
    let schedule = world.get(&path(&made, "/schedules")).await;
    let one = schedule.as_array().unwrap().iter().find(|schedule| schedule["slug"] == "one").unwrap();
    let key = format!("scheduled {} {} 2099-03-08 09:00:00-04:00", text(&made["id"]), text(&one["id"]));
    assert_eq!(of_one[2]["idempotency_key"], key);
    assert_eq!((&of_one[0]["state"]["type"], &of_one[0]["auto_scheduled"]), (&json!("SCHEDULED"), &json!(true)));
    assert_eq!(
        (&of_one[0]["tags"], &of_one[0]["parameters"]),
        (&json!(["auto-scheduled", "t"]), &json!({"x": 1, "y": 1}))
    );
    assert!(runs.iter().any(|run| run["parameters"] == json!({"x": 1, "y": 2})));

    // What somebody has asked for stays, and so do the runs of the other schedule.
    world.post(&path(&made, "/create_flow_run"), json!({})).await;
    world.patch(&path(&made, &format!("/schedules/{}", text(&one["id"]))), json!({"active": false})).await;
    let left = world.runs_of(&made).await;
    assert_eq!((left.len(), slugs(&left[1..])), (5, vec!["two".to_owned(); 4]));
    world.post(&path(&made, "/schedule"), range.clone()).await;
    assert_eq!(world.runs_of(&made).await.len(), 5);

    world.patch(&path(&made, ""), json!({"description": "changed"})).await;
    assert_eq!(world.runs_of(&made).await.len(), 5, "they would be made just so again");
    world.patch(&path(&made, ""), json!({"tags": ["changed"]})).await;
    assert_eq!(world.runs_of(&made).await.len(), 1);
    world.post(&path(&made, "/schedule"), range).await;
    world.post(&path(&made, "/pause_deployment"), json!({})).await;
    assert_eq!((world.runs_of(&made).await.len(), &world.get(&path(&made, "")).await["paused"]), (1, &json!(true)));
    world.post(&path(&made, "/resume_deployment"), json!({})).await;
    assert_eq!(world.get(&path(&made, "")).await["paused"], false);
    assert_eq!(world.delete(&path(&made, "")).await, StatusCode::NO_CONTENT);
    assert_eq!(world.post("/flow_runs/count", json!({})).await, 0);
}

pub(crate) async fn schedules_are_changed_by_their_slugs(world: Arc<World>) {
    let made = world.deployment("slugs", "d", json!({"schedules": [daily("a"), daily("b")]})).await;
    let slugs = async || {
        let schedules = world.get(&path(&made, "/schedules")).await;
        let mut slugs: Vec<(String, bool)> = schedules
            .as_array()
            .unwrap()
            .iter()
            .map(|schedule| (schedule["slug"].as_str().unwrap_or("none").to_owned(), schedule["active"] == true))
            .collect();
        slugs.sort();
        slugs
            .into_iter()
            .map(|(slug, active)| format!("{slug}{}", if active { "" } else { " rests" }))
            .collect::<Vec<_>>()
    };
    let update = json!({"schedules": [{"slug": "c", "replaces": "a", "active": false}, daily("d")]});
    world.patch(&path(&made, ""), update).await;
    assert_eq!(slugs().await, ["b", "c rests", "d"]);
    world
        .patch(&path(&made, ""), json!({"schedules": [{"slug": "c", "replaces": "b"}, {"slug": "b", "replaces": "c"}]}))
        .await;
    assert_eq!(slugs().await, ["b rests", "c", "d"]);

    let refused = async |schedules: Value| {
        let (status, answer) = world.ask(Method::PATCH, &path(&made, ""), Some(json!({"schedules": schedules}))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        answer["detail"].as_str().unwrap().to_owned()
    };
    assert!(refused(json!([{"schedule": {"interval": 60}}])).await.contains("provide a slug"));
    assert!(refused(json!([{"slug": "c", "replaces": "b"}])).await.contains("already exists"));
    assert!(refused(json!([{"slug": "new"}])).await.contains("without a schedule"));
    assert_eq!(world.refused(&path(&made, "/schedules"), json!([daily("b")])).await.0, StatusCode::CONFLICT);

    let more = world.post(&path(&made, "/schedules"), json!([{"schedule": {"rrule": "FREQ=WEEKLY"}}])).await;
    assert_eq!(more[0]["schedule"]["rrule"], "DTSTART:20200101T000000\nFREQ=WEEKLY");
    // Now that one has no slug, all are replaced.
    world.patch(&path(&made, ""), json!({"schedules": [daily("only")]})).await;
    assert_eq!(slugs().await, ["only"]);
    let only = world.get(&path(&made, "/schedules")).await[0].clone();
    let place = path(&made, &format!("/schedules/{}", text(&only["id"])));
    assert_eq!(world.delete(&place).await, StatusCode::NO_CONTENT);
    assert_eq!(world.delete(&place).await, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_run_has_what_its_deployment_has(world: Arc<World>) {
    let schema = json!({"type": "object", "properties": {"x": {"type": "integer"}, "where": {"type": "string"}}, "required": ["x"]});
    let made = world
        .deployment(
            "runs",
            "d",
            json!({
                "parameter_openapi_schema": schema, "parameters": {"where": "here"}, "tags": ["d"], "version": "7",
            }),
        )
        .await;
    let create = path(&made, "/create_flow_run");
    let (status, why) = world.refused(&create, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        why.contains("Error creating flow run: Validation failed. Failure reason: 'x' is a required property"),
        "{why}"
    );
    let wrong = world.refused(&create, json!({"parameters": {"x": "one"}})).await;
    assert!(wrong.1.contains("Validation failed for field 'x'. Failure reason: 'one' is not of type 'integer'"));
    world.post(&create, json!({"parameters": {"x": "one"}, "enforce_parameter_schema": false})).await;

    world.post("/variables/", json!({"name": "place", "value": "there"})).await;
    let variable = json!({"__prefect_kind": "workspace_variable", "variable_name": "place"});
    let new = json!({
        "parameters": {"x": 3, "where": variable}, "tags": ["r", "d"], "name": "mine", "idempotency_key": "k",
        "job_variables": {"env": {"A": "1"}}, "labels": {"l": 1}, "state": {"type": "SCHEDULED"},
    });
    let (status, run) = world.ask(Method::POST, &create, Some(new.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{run}");
    assert_eq!((&run["parameters"], &run["tags"]), (&json!({"x": 3, "where": "there"}), &json!(["d", "r"])));
    assert_eq!(
        (&run["deployment_id"], &run["deployment_version"], &run["name"]),
        (&made["id"], &json!("7"), &json!("mine"))
    );
    assert_eq!((&run["state"]["type"], &run["job_variables"]), (&json!("SCHEDULED"), &json!({"env": {"A": "1"}})));
    assert_eq!((&run["labels"]["l"], &run["labels"]["prefect.deployment.id"]), (&json!(1), &made["id"]));
    let (status, same) = world.ask(Method::POST, &create, Some(new)).await;
    assert_eq!((status, &same["id"]), (StatusCode::OK, &run["id"]));

    let missing =
        json!({"parameters": {"x": 1, "where": {"__prefect_kind": "workspace_variable", "variable_name": "no"}}});
    assert!(world.refused(&create, missing).await.1.contains("Variable 'no' not found in workspace."));
    let queue = world.refused(&create, json!({"parameters": {"x": 1}, "work_queue_name": "q"})).await;
    assert_eq!(queue.0, StatusCode::BAD_REQUEST);

    let many = json!([{"parameters": {"x": 1}}, {"parameters": {"x": "no"}}]);
    let results = world.post(&path(&made, "/create_flow_run/bulk"), many).await["results"].clone();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("CREATED"), &json!("FAILED")));
    let why = text(&results[1]["error"]);
    assert!(why.starts_with("Parameter validation failed: Validation failed for field 'x'."), "{why}");
    assert!(why.contains("'no' is not of type 'integer'"), "{why}");

    // Whoever asks for runs makes the deployment ready.
    let due = json!({"deployment_ids": [made["id"]], "scheduled_before": "2099-01-01T00:00:00Z", "limit": 2});
    let due = world.post("/deployments/get_scheduled_flow_runs", due).await;
    assert_eq!(due.as_array().unwrap().len(), 2);
    let ready = world.get(&path(&made, "")).await;
    assert_eq!((&ready["status"], ready["last_polled"].is_string()), (&json!("READY"), true));
    assert_eq!(ready["updated"], made["updated"]);
}

pub(crate) async fn deployments_are_found(world: Arc<World>) {
    let a = world.deployment("first", "a", json!({"tags": ["x"], "paused": true})).await;
    let b = world.deployment("first", "b", json!({"tags": ["x", "y"]})).await;
    let c = world.deployment("second", "c", json!({})).await;
    world.post(&path(&b, "/create_flow_run"), json!({"name": "only"})).await;
    let found = async |filter: Value| {
        let names =
            |list: &Value| -> String { list.as_array().unwrap().iter().map(|one| text(&one["name"])).collect() };
        let found = world.post("/deployments/filter", filter.clone()).await;
        assert_eq!(world.post("/deployments/count", filter).await, found.as_array().unwrap().len());
        names(&found)
    };
    assert_eq!(found(json!({})).await, "abc");
    assert_eq!(found(json!({"deployments": {"id": {"any_": [a["id"], c["id"]]}}})).await, "ac");
    assert_eq!(found(json!({"deployments": {"id": {"not_any_": [a["id"]]}}})).await, "bc");
    assert_eq!(found(json!({"deployments": {"paused": {"eq_": true}}})).await, "a");
    assert_eq!(found(json!({"deployments": {"tags": {"all_": ["x", "y"]}}})).await, "b");
    assert_eq!(found(json!({"deployments": {"tags": {"is_null_": true}}})).await, "c");
    assert_eq!(found(json!({"deployments": {"flow_or_deployment_name": {"like_": "SEC"}}})).await, "c");
    let either = json!({"operator": "or_", "name": {"any_": ["a"]}, "tags": {"any_": ["y"]}});
    assert_eq!(found(json!({"deployments": either})).await, "ab");
    assert_eq!(found(json!({"flows": {"name": {"any_": ["second"]}}})).await, "c");
    assert_eq!(found(json!({"flow_runs": {"name": {"any_": ["only"]}}})).await, "b");
    assert_eq!(found(json!({"work_pools": {"name": {"any_": ["none"]}}})).await, "");

    let sorted = world.post("/deployments/filter", json!({"sort": "NAME_DESC", "limit": 2})).await;
    assert_eq!((&sorted[0]["name"], &sorted[1]["name"]), (&json!("c"), &json!("b")));
    let page = world.post("/deployments/paginate", json!({"limit": 2, "page": 2})).await;
    assert_eq!((&page["count"], &page["pages"], &page["results"][0]["name"]), (&json!(3), &json!(2), &json!("c")));

    // Other objects are found by their deployments.
    let of = |name: &str| json!({"deployments": {"name": {"any_": [name]}}});
    assert_eq!(world.post("/flows/filter", of("c")).await[0]["name"], "second");
    assert_eq!(world.post("/flow_runs/count", of("b")).await, 1);
    assert_eq!(world.post("/flow_runs/count", of("c")).await, 0);
    assert_eq!(world.post("/task_runs/count", of("b")).await, 0);
    let counts = world.post("/ui/flows/count-deployments", json!({"flow_ids": [a["flow_id"], c["flow_id"]]})).await;
    assert_eq!((&counts[text(&a["flow_id"])], &counts[text(&c["flow_id"])]), (&json!(2), &json!(1)));

    let gone =
        world.post("/deployments/bulk_delete", json!({"deployments": {"tags": {"any_": ["x"]}}, "limit": 1})).await;
    assert_eq!(gone["deleted"], json!([a["id"]]));
    assert_eq!(found(json!({})).await, "bc");
}

pub(crate) async fn deployments_have_places_in_pools(world: Arc<World>) {
    let template = json!({
        "job_configuration": {"command": "{{ command }}"},
        "variables": {"properties": {"command": {"type": "string"}}, "required": ["command"]},
    });
    world.post("/work_pools/", json!({"name": "pool", "type": "process", "base_job_template": template})).await;
    let made = world.deployment("placed", "d", json!({"work_pool_name": "pool"})).await;
    assert_eq!((&made["work_pool_name"], &made["work_queue_name"]), (&json!("pool"), &json!("default")));
    let elsewhere = json!({"flow_id": made["flow_id"], "name": "e", "work_pool_name": "nowhere"});
    assert_eq!(world.refused("/deployments/", elsewhere).await.0, StatusCode::NOT_FOUND);
    let wrong =
        json!({"flow_id": made["flow_id"], "name": "e", "work_pool_name": "pool", "job_variables": {"command": 1}});
    let (status, why) = world.refused("/deployments/", wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(why.contains("Error creating deployment: Validation failed for field 'command'"), "{why}");

    let create = path(&made, "/create_flow_run");
    let (status, why) = world.refused(&create, json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(why.contains("'command' is a required property"), "{why}");
    let new = json!({"job_variables": {"command": "true"}, "work_queue_name": "urgent"});
    let run = world.post(&create, new).await;
    assert_eq!((&run["work_queue_name"], &run["work_pool_name"]), (&json!("urgent"), &json!("pool")));
    assert_eq!(world.get("/work_pools/pool/queues/urgent").await["id"], run["work_queue_id"]);

    let pools = json!({"work_pools": {"name": {"any_": ["pool"]}}});
    assert_eq!(world.post("/deployments/count", pools).await, 1);
    world.patch(&path(&made, ""), json!({"work_pool_name": null})).await;
    assert_eq!(world.get(&path(&made, "")).await["work_pool_name"], Value::Null);
}

pub(crate) async fn a_limit_keeps_runs_from_beginning(world: Arc<World>) {
    let run_of =
        async |deployment: &Value| text(&world.post(&path(deployment, "/create_flow_run"), json!({})).await["id"]);
    let made = world.deployment("limited", "waits", json!({"concurrency_limit": 1})).await;
    let (one, two) = (run_of(&made).await, run_of(&made).await);
    assert_eq!(world.set_state(&one, json!({"type": "PENDING"})).await["status"], "ACCEPT");
    let slots = async || world.get(&path(&made, "")).await["global_concurrency_limit"]["active_slots"].clone();
    assert_eq!(slots().await, 1);
    let refused = world.set_state(&two, json!({"type": "PENDING"})).await;
    assert_eq!((&refused["status"], &refused["state"]["name"]), (&json!("REJECT"), &json!("AwaitingConcurrencySlot")));
    assert_eq!(refused["details"]["reason"], "Deployment concurrency limit reached.");
    world.set_state(&one, json!({"type": "RUNNING"})).await;
    assert_eq!(slots().await, 1);
    world.set_state(&one, json!({"type": "COMPLETED"})).await;
    assert_eq!(slots().await, 0);
    // It may wait for its time, but not for a slot any more, and what does not begin keeps none.
    let waits = world.set_state(&two, json!({"type": "PENDING"})).await;
    assert_eq!((&waits["status"], slots().await), (&json!("ACCEPT"), json!(1)), "{waits}");

    let options = json!({"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60});
    let made =
        world.deployment("limited", "cancels", json!({"concurrency_limit": 1, "concurrency_options": options})).await;
    let (one, two) = (run_of(&made).await, run_of(&made).await);
    world.set_state(&one, json!({"type": "PENDING"})).await;
    assert_eq!(world.set_state(&two, json!({"type": "PENDING"})).await["state"]["type"], "CANCELLED");
    assert_eq!(world.set_state(&one, json!({"type": "CANCELLED"})).await["status"], "ACCEPT");
    let three = run_of(&made).await;
    assert_eq!(world.set_state(&three, json!({"type": "PENDING"})).await["status"], "ACCEPT");
}

pub(crate) async fn a_run_that_is_gone_has_no_slot(world: Arc<World>) {
    let made = world.deployment("limited", "waits", json!({"concurrency_limit": 1})).await;
    let slots = async || world.get(&path(&made, "")).await["global_concurrency_limit"]["active_slots"].clone();
    let run_of = async |name: &str| {
        let run = world.post(&path(&made, "/create_flow_run"), json!({"name": name})).await;
        text(&run["id"])
    };
    let begin = async |run: &str| world.set_state(run, json!({"type": "PENDING"})).await["status"].clone();
    let one = run_of("deleted").await;
    assert_eq!((begin(&one).await, slots().await), (json!("ACCEPT"), json!(1)));
    let (deleted, _) = world.ask(Method::DELETE, &format!("/flow_runs/{one}"), None).await;
    assert_eq!((deleted, slots().await), (StatusCode::NO_CONTENT, json!(0)));

    let two = run_of("deleted with others").await;
    assert_eq!((begin(&two).await, slots().await), (json!("ACCEPT"), json!(1)));
    world.post("/flow_runs/bulk_delete", json!({"flow_runs": {"id": {"any_": [two]}}})).await;
    assert_eq!(slots().await, 0);

    let three = run_of("crashed").await;
    begin(&three).await;
    world.set_state(&three, json!({"type": "RUNNING"})).await;
    assert_eq!(slots().await, 1);
    world.set_state(&three, json!({"type": "CRASHED"})).await;
    assert_eq!(slots().await, 0);

    // Somebody else has taken it out of the database.
    let (four, five) = (run_of("lost").await, run_of("waiting").await);
    assert_eq!((begin(&four).await, begin(&five).await), (json!("ACCEPT"), json!("REJECT")));
    world.sql("DELETE FROM flow_runs WHERE name = 'lost'").await;
    assert_eq!((begin(&five).await, slots().await), (json!("ACCEPT"), json!(1)));
}
