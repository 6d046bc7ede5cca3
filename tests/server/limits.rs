//! Concurrency limits: slots by number, by lease, and by tag.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

async fn post(world: &World, path: &str, body: Value) -> (StatusCode, Value) {
    world.ask(Method::POST, path, Some(body)).await
}

async fn active(world: &World, name: &str) -> Value {
    world.get(&format!("/v2/concurrency_limits/{name}")).await["active_slots"].clone()
}

pub(crate) async fn slots_are_counted(world: Arc<World>) {
    let made = world.post("/v2/concurrency_limits/", json!({"name": "db", "limit": 3, "active_slots": 1})).await;
    assert_eq!((&made["active_slots"], &made["avg_slot_occupancy_seconds"]), (&json!(1), &json!(2.0)), "{made}");
    let create = |body| post(&world, "/v2/concurrency_limits", body);
    assert_eq!(create(json!({"name": "db", "limit": 1})).await.0, StatusCode::CONFLICT);
    assert_eq!(create(json!({"name": "a/b", "limit": 1})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(create(json!({"name": "x", "limit": -1})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let increment =
        |slots: u32| post(&world, "/v2/concurrency_limits/increment", json!({"names": ["db", "no"], "slots": slots}));
    let (status, got) = increment(2).await;
    assert_eq!((status, &got), (StatusCode::OK, &json!([{"id": made["id"], "name": "db", "limit": 3}])));
    assert_eq!(increment(1).await.0, StatusCode::LOCKED);
    assert_eq!(increment(4).await.0, StatusCode::UNPROCESSABLE_ENTITY, "there never will be four");
    assert_eq!(increment(0).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(active(&world, "db").await, 3);
    world
        .post("/v2/concurrency_limits/decrement", json!({"names": ["db"], "slots": 2, "occupancy_seconds": 1.5}))
        .await;
    assert_eq!(active(&world, "db").await, 1);
    let rate = json!({"names": ["db"], "slots": 1, "mode": "rate_limit"});
    assert_eq!(post(&world, "/v2/concurrency_limits/increment", rate).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    let path = format!("/v2/concurrency_limits/{}", text(&made["id"]));
    let change = json!({"name": "database", "limit": 5, "active_slots": 2});
    assert_eq!(world.ask(Method::PATCH, &path, Some(change)).await.0, StatusCode::NO_CONTENT);
    let limit = world.get("/v2/concurrency_limits/database").await;
    assert_eq!((&limit["id"], &limit["limit"], &limit["active_slots"]), (&made["id"], &json!(5), &json!(2)));
    assert_eq!(world.ask(Method::GET, "/v2/concurrency_limits/db", None).await.0, StatusCode::NOT_FOUND);
    let listed = world.post("/v2/concurrency_limits/filter", json!({})).await;
    assert_eq!(listed, json!([limit]));
    let off = Some(json!({"active": false}));
    assert_eq!(world.ask(Method::PATCH, &path, off).await.0, StatusCode::NO_CONTENT);
    let free = json!({"names": ["database"], "slots": 100});
    assert_eq!(post(&world, "/v2/concurrency_limits/increment", free).await.0, StatusCode::OK, "it limits nothing");
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_lease_is_renewed_and_given_back(world: Arc<World>) {
    world.post("/v2/concurrency_limits", json!({"name": "db", "limit": 1})).await;
    let lend = |body: Value| post(&world, "/v2/concurrency_limits/increment-with-lease", body);
    let holder = json!({"type": "task_run", "id": "00000000-0000-0000-0000-000000000001"});
    let (status, lease) = lend(json!({"names": ["db"], "slots": 1, "holder": holder})).await;
    assert_eq!((status, &lease["limits"][0]["name"]), (StatusCode::OK, &json!("db")), "{lease}");
    assert_eq!(lend(json!({"names": ["db"], "slots": 1})).await.0, StatusCode::LOCKED);
    assert_eq!(
        lend(json!({"names": ["db"], "slots": 1, "lease_duration": 59})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let renew = format!("/v2/concurrency_limits/leases/{}/renew", text(&lease["lease_id"]));
    assert_eq!(post(&world, &renew, json!({"lease_duration": 60})).await.0, StatusCode::NO_CONTENT);
    world.post("/v2/concurrency_limits/decrement", json!({"names": ["db"], "slots": 1})).await;
    assert_eq!(active(&world, "db").await, 1, "a lease is given back by its id");
    let back = json!({"lease_id": lease["lease_id"]});
    for _ in 0..2 {
        let (status, _) = post(&world, "/v2/concurrency_limits/decrement-with-lease", back.clone()).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    assert_eq!(active(&world, "db").await, 0);
    assert_eq!(post(&world, &renew, json!({})).await.0, StatusCode::GONE);
    // Who holds nothing has nothing to lose.
    let (_, none) = lend(json!({"names": ["unknown"], "slots": 1})).await;
    assert_eq!(none["limits"], json!([]));
    let renew = format!("/v2/concurrency_limits/leases/{}/renew", text(&none["lease_id"]));
    assert_eq!(post(&world, &renew, json!({})).await.0, StatusCode::NO_CONTENT);
}

pub(crate) async fn a_limit_of_a_tag_is_a_global_limit(world: Arc<World>) {
    let create = |limit: u32| post(&world, "/concurrency_limits/", json!({"tag": "a/b", "concurrency_limit": limit}));
    assert_eq!(create(2).await.0, StatusCode::CREATED);
    let (status, made) = create(1).await;
    assert_eq!((status, &made["concurrency_limit"], &made["active_slots"]), (StatusCode::OK, &json!(1), &json!([])));
    assert_eq!(world.get(&format!("/v2/concurrency_limits/{}", text(&made["id"]))).await["name"], "tag:a/b");
    assert_eq!(world.post("/concurrency_limits/filter", json!({})).await, json!([made]));
    assert_eq!(world.get("/concurrency_limits/tag/a%2Fb").await, made);

    let [one, two] = [1, 2].map(|number| format!("00000000-0000-0000-0000-00000000000{number}"));
    let body = |run: &str| json!({"names": ["a/b", "free"], "task_run_id": run});
    let (status, got) = post(&world, "/concurrency_limits/increment", body(&one)).await;
    assert_eq!((status, &got[0]["name"]), (StatusCode::OK, &json!("a/b")), "{got}");
    assert_eq!(post(&world, "/concurrency_limits/increment", body(&two)).await.0, StatusCode::LOCKED);
    assert_eq!(world.get("/concurrency_limits/tag/a%2Fb").await["active_slots"], json!([one]));
    let by_lease = json!({"names": ["tag:a/b"], "slots": 1});
    assert_eq!(post(&world, "/v2/concurrency_limits/increment-with-lease", by_lease).await.0, StatusCode::LOCKED);
    world.post("/concurrency_limits/decrement", body(&one)).await;
    assert_eq!(post(&world, "/concurrency_limits/increment", body(&two)).await.0, StatusCode::OK);
    let reset = json!({"slot_override": [one]});
    assert_eq!(post(&world, "/concurrency_limits/tag/a%2Fb/reset", reset).await.0, StatusCode::OK);
    assert_eq!(world.get("/concurrency_limits/tag/a%2Fb").await["active_slots"], json!([one]));
    assert_eq!(post(&world, "/concurrency_limits/tag/a%2Fb/reset", json!({})).await.0, StatusCode::OK);
    assert_eq!(world.get("/concurrency_limits/tag/a%2Fb").await["active_slots"], json!([]));
    assert_eq!(world.ask(Method::DELETE, "/concurrency_limits/tag/a%2Fb", None).await.0, StatusCode::OK);
    assert_eq!(world.ask(Method::GET, "/concurrency_limits/tag/a%2Fb", None).await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_rate_is_kept(world: Arc<World>) {
    let rate = json!({"name": "api", "limit": 2, "slot_decay_per_second": 0.001});
    world.post("/v2/concurrency_limits", rate).await;
    let take = json!({"names": ["api"], "slots": 2, "mode": "rate_limit"});
    assert_eq!(post(&world, "/v2/concurrency_limits/increment", take.clone()).await.0, StatusCode::OK);
    assert_eq!(post(&world, "/v2/concurrency_limits/increment", take).await.0, StatusCode::LOCKED);
    assert_eq!(active(&world, "api").await, 2);
}

pub(crate) async fn task_runs_take_the_slots_of_their_tags(world: Arc<World>) {
    world.post("/v2/concurrency_limits/", json!({"name": "tag:db", "limit": 1})).await;
    world.post("/concurrency_limits/", json!({"tag": "none", "concurrency_limit": 0})).await;
    let run = async |key: &str, tags: Value| {
        let body = json!({"name": key, "task_key": "t", "dynamic_key": key, "tags": tags,
            "empirical_policy": {"retries": 3, "retry_delay": 60}});
        text(&world.post("/task_runs/", body).await["id"])
    };
    let set = async |run: &str, kind: &str, force: bool| {
        let body = json!({"state": {"type": kind}, "force": force});
        world.post(&format!("/task_runs/{run}/set_state"), body).await
    };
    let holders = async || world.get("/concurrency_limits/tag/db").await["active_slots"].clone();
    let (one, two) = (run("one", json!(["db", "free"])).await, run("two", json!(["db", "free"])).await);

    assert_eq!(set(&one, "RUNNING", false).await["status"], "ACCEPT");
    assert_eq!((holders().await, active(&world, "tag:db").await), (json!([one]), json!(1)));
    let waits = set(&two, "RUNNING", false).await;
    assert_eq!((&waits["status"], &waits["state"]["type"]), (&json!("WAIT"), &json!("PENDING")));
    assert_eq!(waits["details"]["reason"], "Concurrency limit reached for tags: db");
    assert!((1..=3).contains(&waits["details"]["delay_seconds"].as_i64().unwrap()), "{waits}");
    assert_eq!(world.get(&format!("/task_runs/{two}")).await["state_type"], "PENDING");
    assert_eq!(set(&one, "RUNNING", false).await["status"], "ACCEPT", "it has its slot");

    // One that fails and will be tried again has no slot meanwhile.
    assert_eq!(set(&one, "FAILED", false).await["state"]["name"], "AwaitingRetry");
    assert_eq!(holders().await, json!([]));
    assert_eq!(set(&two, "RUNNING", false).await["status"], "ACCEPT");
    assert_eq!(set(&two, "CANCELLING", false).await["status"], "ACCEPT");
    assert_eq!(holders().await, json!([two]), "it has not ended");
    assert_eq!(set(&two, "CANCELLED", false).await["status"], "ACCEPT");
    assert_eq!(holders().await, json!([]));

    let (three, four) = (run("three", json!(["db"])).await, run("four", json!(["db"])).await);
    assert_eq!(set(&three, "RUNNING", false).await["status"], "ACCEPT");
    assert_eq!(set(&four, "RUNNING", true).await["status"], "ACCEPT", "force asks for nothing");
    assert_eq!(holders().await, json!([three]));
    let (gone, _) = world.ask(Method::DELETE, &format!("/task_runs/{three}"), None).await;
    assert_eq!((gone, holders().await), (StatusCode::NO_CONTENT, json!([])));

    let never = run("never", json!(["none"])).await;
    let aborted = set(&never, "RUNNING", false).await;
    assert_eq!(aborted["status"], "ABORT");
    let why = "The concurrency limit on tag \"none\" is 0 and will deadlock if the task tries to run again.";
    assert_eq!(aborted["details"]["reason"], why);
    assert_eq!(world.get(&format!("/task_runs/{never}")).await["state_type"], "PENDING");
}

pub(crate) async fn who_waits_is_told_of_the_usual_time(world: Arc<World>) {
    world.post("/v2/concurrency_limits/", json!({"name": "db", "limit": 1})).await;
    let one = json!({"names": ["db"], "slots": 1});
    let take = async || {
        let request = world.request(Method::POST, "/v2/concurrency_limits/increment").json(&one).send().await.unwrap();
        let after = request.headers().get("Retry-After").map(|after| after.to_str().unwrap().parse::<f64>().unwrap());
        (request.status(), after)
    };
    assert_eq!(take().await, (StatusCode::OK, None));
    let (status, after) = take().await;
    assert!(status == StatusCode::LOCKED && (1.5..2.61).contains(&after.unwrap()), "{after:?}");
    let back = json!({"names": ["db"], "slots": 1, "occupancy_seconds": 20.0});
    world.post("/v2/concurrency_limits/decrement", back).await;
    assert_eq!(take().await, (StatusCode::OK, None));
    let (status, after) = take().await;
    assert!(status == StatusCode::LOCKED && (8.2..14.4).contains(&after.unwrap()), "{after:?}");

    // Short times count as well, however they are told of.
    world.post("/v2/concurrency_limits/decrement", json!({"names": ["db"], "slots": 1})).await;
    for _ in 0..12 {
        let lease = world.post("/v2/concurrency_limits/increment-with-lease", one.clone()).await["lease_id"].clone();
        world.post("/v2/concurrency_limits/decrement-with-lease", json!({"lease_id": lease})).await;
    }
    assert_eq!(take().await, (StatusCode::OK, None));
    let (status, after) = take().await;
    assert!(status == StatusCode::LOCKED && after.unwrap() < 1.0, "{after:?}");
}

pub(crate) async fn who_asks_in_vain_for_what_decays_waits_for_those_before(world: Arc<World>) {
    let denied = async |name: &str| {
        let body = json!({"names": [name], "slots": 1});
        let request = world.request(Method::POST, "/v2/concurrency_limits/increment").json(&body).send().await.unwrap();
        assert_eq!(request.status(), StatusCode::LOCKED);
        request.headers()["Retry-After"].to_str().unwrap().parse::<f64>().unwrap()
    };
    // A slot in ten seconds, for which three wait.
    let rate = json!({"name": "rate", "limit": 1, "active_slots": 1, "denied_slots": 3, "slot_decay_per_second": 0.1});
    world.post("/v2/concurrency_limits/", rate).await;
    let after = denied("rate").await;
    assert!((22.0..52.1).contains(&after), "{after}");
    let set = json!({"denied_slots": 0});
    assert_eq!(world.ask(Method::PATCH, "/v2/concurrency_limits/rate", Some(set)).await.0, StatusCode::NO_CONTENT);
    let after = denied("rate").await;
    assert!((7.5..13.1).contains(&after), "{after}");
    // What is held may be given back at any time.
    world
        .post("/v2/concurrency_limits/", json!({"name": "db", "limit": 1, "active_slots": 1, "denied_slots": 30}))
        .await;
    let after = denied("db").await;
    assert!((1.5..2.61).contains(&after), "{after}");
}
