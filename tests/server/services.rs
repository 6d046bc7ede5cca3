//! What a server does unasked. Each case makes what is due on a server without services, and then starts others on the same
//! database: services take their first turn at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use flowcore::clock::Clock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clock::HandClock;
use crate::world::{World, text};

/// Asks until the answer is as it should be.
async fn until(world: &World, path: &str, body: Value, good: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let answer = match &body {
            Value::Null => world.get(path).await,
            body => world.post(path, body.clone()).await,
        };
        if good(&answer) {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{path} goes on to answer {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn in_seconds(seconds: i64) -> Value {
    json!(Utc::now() + TimeDelta::seconds(seconds))
}

/// Lists the names of the states of some runs.
fn states(runs: &Value) -> Vec<&str> {
    runs.as_array().unwrap().iter().map(|run| run["state"]["name"].as_str().unwrap()).collect()
}

pub(crate) async fn schedules_make_runs_once_in_several_servers(world: Arc<World>) {
    let flow = world.flow("scheduled").await;
    let every =
        |seconds: u32| json!([{"schedule": {"interval": seconds}, "slug": "often", "parameters": {"x": seconds}}]);
    let make = |seconds| json!({"name": "nightly", "flow_id": flow, "schedules": every(seconds), "enforce_parameter_schema": false});
    let deployment = text(&world.post("/deployments/", make(7200)).await["id"]);
    let runs = json!({"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"});

    let servers = [world.serving_replica().await, world.serving_replica().await];
    let made = until(&world, "/flow_runs/filter", runs.clone(), |runs| runs.as_array().unwrap().len() == 3).await;
    assert!(made.as_array().unwrap().iter().all(|run| run["auto_scheduled"] == true && run["parameters"]["x"] == 7200));

    // A change takes back what was made, and what is as it was afterwards is made anew; nothing comes twice.
    world.post("/deployments/", make(10_800)).await;
    let all_new = |runs: &Value| {
        let runs = runs.as_array().unwrap();
        runs.len() == 3 && runs.iter().all(|run| run["parameters"]["x"] == 10_800)
    };
    until(&world, "/flow_runs/filter", runs.clone(), all_new).await;
    world.post(&format!("/deployments/{deployment}/pause_deployment"), Value::Null).await;
    // A server that was just about to make them takes them back itself.
    until(&world, "/flow_runs/filter", runs.clone(), |runs| *runs == json!([])).await;
    world.post(&format!("/deployments/{deployment}/resume_deployment"), Value::Null).await;
    until(&world, "/flow_runs/filter", runs.clone(), all_new).await;

    for server in servers {
        server.stop().await;
    }
    assert!(all_new(&world.post("/flow_runs/filter", runs).await), "no server has made more than it should");
}

pub(crate) async fn a_redeploy_touches_only_the_runs_that_it_changes(world: Arc<World>) {
    let flow = world.flow("kept").await;
    let make = |cron: &str, more: Value| {
        let mut body = json!({"name": "kept", "flow_id": flow, "enforce_parameter_schema": false, "schedules": [
            {"schedule": {"interval": 7200}}, {"schedule": {"cron": cron}}, {"schedule": {"rrule": "FREQ=DAILY"}},
        ]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let deployment = text(&world.post("/deployments/", make("0 6 * * *", json!({}))).await["id"]);
    let runs = json!({"deployments": {"id": {"any_": [deployment]}}});
    let ids = |runs: &Value, kind: &str| -> std::collections::BTreeSet<String> {
        let of_kind = |run: &&Value| run["created_by"]["display_value"].as_str().unwrap().starts_with(kind);
        runs.as_array().unwrap().iter().filter(of_kind).map(|run| text(&run["id"])).collect()
    };
    let server = world.serving_replica().await;
    let full = |runs: &Value| ["Interval", "Cron", "RRule"].iter().all(|kind| ids(runs, kind).len() == 3);
    let made = until(&world, "/flow_runs/filter", runs.clone(), full).await;

    world.post("/deployments/", make("0 6 * * *", json!({"description": "told better", "entrypoint": "x"}))).await;
    let patch = json!({"description": "told best", "pull_steps": []});
    world.ask(Method::PATCH, &format!("/deployments/{deployment}"), Some(patch)).await;
    let kept = world.post("/flow_runs/filter", runs.clone()).await;
    for kind in ["Interval", "Cron", "RRule"] {
        assert_eq!(ids(&kept, kind), ids(&made, kind), "nothing has changed for its runs");
    }
    let schedules = make("0 6 * * *", json!({}))["schedules"].clone();
    let patch = json!({ "schedules": schedules });
    world.ask(Method::PATCH, &format!("/deployments/{deployment}"), Some(patch)).await;
    let kept = world.post("/flow_runs/filter", runs.clone()).await;
    for kind in ["Interval", "Cron", "RRule"] {
        assert_eq!(ids(&kept, kind), ids(&made, kind), "the schedules are the same");
    }
    world.post("/deployments/", make("0 7 * * *", json!({}))).await;
    let other_cron = |runs: &Value| full(runs) && ids(runs, "Cron").is_disjoint(&ids(&made, "Cron"));
    let changed = until(&world, "/flow_runs/filter", runs.clone(), other_cron).await;
    for kind in ["Interval", "RRule"] {
        assert_eq!(ids(&changed, kind), ids(&made, kind), "only another schedule has changed");
    }
    world.post("/deployments/", make("0 7 * * *", json!({"parameters": {"x": 1}}))).await;
    let all_new = |runs: &Value| full(runs) && runs.as_array().unwrap().iter().all(|run| run["parameters"]["x"] == 1);
    until(&world, "/flow_runs/filter", runs, all_new).await;
    server.stop().await;
}

pub(crate) async fn a_schedule_is_filled_up_as_time_passes(world: Arc<World>) {
    let flow = world.flow("often").await;
    let deployment = world
        .post(
            "/deployments/",
            json!({"name": "often", "flow_id": flow, "enforce_parameter_schema": false,
            "schedules": [{"schedule": {"interval": 1}, "max_scheduled_runs": 2}]}),
        )
        .await;
    let runs = json!({"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"});
    let server = world.serving_replica().await;
    let made = until(&world, "/flow_runs/filter", runs, |runs| runs.as_array().unwrap().len() >= 6).await;
    server.stop().await;
    let mut times: Vec<_> = made.as_array().unwrap().iter().map(|run| text(&run["expected_start_time"])).collect();
    let all = times.len();
    times.dedup();
    assert_eq!(times.len(), all, "each second has one run: {times:?}");
}

pub(crate) async fn no_time_is_missed_or_comes_twice_through_redeploys(world: Arc<World>) {
    let flow = world.flow("redeployed").await;
    let begin = Utc::now() - TimeDelta::milliseconds(500);
    // Each time its runs get other parameters, so that those that wait are taken back.
    let make = |times: u32| {
        json!({"name": "often", "flow_id": flow, "enforce_parameter_schema": false, "parameters": {"times": times},
            "schedules": [{"schedule": {"interval": 1, "anchor_date": "2026-01-01T00:00:00Z"}, "max_scheduled_runs": 3}]})
    };
    let mut times = 0;
    let deployment = world.post("/deployments/", make(times)).await["id"].clone();
    let runs = json!({"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"});
    let servers = [world.serving_replica().await, world.serving_replica().await];
    let mut begun = std::collections::BTreeSet::new();
    while Utc::now() < begin + TimeDelta::seconds(6) || begun.len() < 5 {
        // As a worker does that looks ahead.
        let soon = world.post("/flow_runs/filter", runs.clone()).await;
        let soon = soon.as_array().unwrap().iter().filter(|run| run["state_type"] == "SCHEDULED").take(2);
        for run in soon.map(|run| text(&run["id"])) {
            let body = json!({"state": {"type": "PENDING"}, "force": true});
            // It may have been taken back meanwhile.
            let (status, _) = world.ask(Method::POST, &format!("/flow_runs/{run}/set_state"), Some(body)).await;
            if status == StatusCode::CREATED {
                begun.insert(run);
            }
        }
        times += 1;
        world.post("/deployments/", make(times)).await;
    }
    let end = Utc::now().timestamp();
    let past = |made: &Value| -> Vec<i64> {
        let times = made.as_array().unwrap().iter().map(|run| text(&run["expected_start_time"]));
        let times = times.map(|time| DateTime::parse_from_rfc3339(&time).unwrap().timestamp());
        times.filter(|time| *time <= end).collect()
    };
    let each_once = |past: &[i64]| past.first().is_some_and(|first| past.iter().copied().eq(*first..=end));
    // What the last change has taken back is made with the next look.
    until(&world, "/flow_runs/filter", runs.clone(), |made| each_once(&past(made))).await;
    for server in servers {
        server.stop().await;
    }
    let past = past(&world.post("/flow_runs/filter", runs).await);
    assert!(each_once(&past), "each second once: {past:?}");
    assert!(past.len() >= 5, "{past:?} {begun:?}");
}

pub(crate) async fn runs_that_nobody_begins_are_late(world: Arc<World>) {
    let flow = world.flow("late").await;
    let at = |seconds| json!({"flow_id": flow, "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": in_seconds(seconds)}}});
    let late = world.flow_run(at(-60)).await;
    let soon = world.flow_run(at(-2)).await;
    let begun = world.flow_run(at(-60)).await;
    world.set_state(&begun, json!({"type": "PENDING"})).await;
    let server = world.serving_replica().await;
    let run = until(&world, &format!("/flow_runs/{late}"), Value::Null, |run| run["state"]["name"] == "Late").await;
    assert_eq!(run["state_type"], "SCHEDULED");
    assert_eq!(run["state"]["state_details"]["scheduled_time"], run["next_scheduled_start_time"]);
    server.stop().await;
    for (id, name) in [(soon, "Scheduled"), (begun, "Pending")] {
        assert_eq!(world.get(&format!("/flow_runs/{id}")).await["state"]["name"], name);
    }
}

pub(crate) async fn pauses_end(world: Arc<World>) {
    let flow = world.flow("paused").await;
    let mut ids = Vec::new();
    for seconds in [-60, 3600] {
        let id = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
        let details = json!({"pause_timeout": in_seconds(seconds), "pause_key": "1"});
        world.set_state(&id, json!({"type": "PAUSED", "state_details": details})).await;
        ids.push(id);
    }
    let server = world.serving_replica().await;
    let path = format!("/flow_runs/{}", ids[0]);
    let run = until(&world, &path, Value::Null, |run| run["state"]["name"] == "Failed").await;
    assert_eq!(run["state"]["message"], "The flow was paused and never resumed.");
    server.stop().await;
    assert_eq!(world.get(&format!("/flow_runs/{}", ids[1])).await["state"]["name"], "Paused");
}

pub(crate) async fn no_overdue_cancellation_is_hidden_by_others(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["CANCELLATION_CLEANUP"], &[]).await;
    let flow = server.flow("cancelled").await;
    let cancelling = async |count: usize| {
        let body = json!({"flow_id": flow, "state": {"type": "CANCELLING"}});
        let made = (0..count).map(|_| server.flow_run(body.clone()));
        futures_util::future::join_all(made).await
    };
    // Older by their ids, and asked to end later.
    let others = cancelling(201).await;
    let overdue = cancelling(1).await.remove(0);
    clock.pass(290).await;
    for run in &others {
        let again = json!({"state": {"type": "CANCELLING"}, "force": true});
        server.post(&format!("/flow_runs/{run}/set_state"), again).await;
    }
    clock.pass(30).await;
    assert_eq!(server.get(&format!("/flow_runs/{overdue}")).await["state"]["name"], "Cancelled");
    assert_eq!(server.get(&format!("/flow_runs/{}", others[0])).await["state"]["name"], "Cancelling");
    server.stop().await;
}

pub(crate) async fn what_belongs_to_a_cancelled_run_is_cancelled(world: Arc<World>) {
    let flow = world.flow("parent").await;
    let parent = world.flow_run(json!({"flow_id": flow, "state": {"type": "RUNNING"}})).await;
    let task_run = |key: &str, state: &str| json!({"flow_run_id": parent, "task_key": key, "dynamic_key": "0", "name": key, "state": {"type": state}});
    let open = text(&world.post("/task_runs/", task_run("open", "RUNNING")).await["id"]);
    let done = text(&world.post("/task_runs/", task_run("done", "COMPLETED")).await["id"]);
    let stands_for = text(&world.post("/task_runs/", task_run("child", "RUNNING")).await["id"]);
    let child = json!({"flow_id": flow, "parent_task_run_id": stands_for, "state": {"type": "RUNNING"}});
    let child = world.flow_run(child).await;
    world.set_state(&parent, json!({"type": "CANCELLING"})).await;
    world.set_state(&parent, json!({"type": "CANCELLED"})).await;

    let server = world.serving_replica().await;
    let cancelled = |run: &Value| run["state"]["name"] == "Cancelled";
    for path in [format!("/task_runs/{open}"), format!("/flow_runs/{child}"), format!("/task_runs/{stands_for}")] {
        let run = until(&world, &path, Value::Null, cancelled).await;
        assert_eq!(run["state"]["message"], "The parent flow run was cancelled.", "{path}");
    }
    server.stop().await;
    let runs = world.post("/task_runs/filter", json!({"task_runs": {"id": {"any_": [done]}}})).await;
    assert_eq!(states(&runs), ["Completed"]);
}

pub(crate) async fn times_that_passed_are_made_up_for_as_the_schedule_says(world: Arc<World>) {
    let clock = Arc::new(HandClock::new());
    let server = world.clocked_replica(&clock, &["SCHEDULER"], &[]).await;
    let flow = world.flow("caught up").await;
    let anchor = clock.now();
    let schedule = |slug: &str| json!({"slug": slug, "schedule": {"interval": 86_400, "anchor_date": anchor}});
    let with = |slug: &str| {
        let mut schedule = schedule(slug);
        schedule["catch_up"] = slug.into();
        schedule
    };
    let make = json!({"name": "daily", "flow_id": flow, "enforce_parameter_schema": false,
        "schedules": [with("all"), with("latest"), with("none"), schedule("unsaid")]});
    let made = server.post("/deployments/", make).await;
    let policies: Vec<Value> =
        made["schedules"].as_array().unwrap().iter().map(|one| one["catch_up"].clone()).collect();
    assert!(policies.contains(&json!("all")) && policies.contains(&Value::Null), "{policies:?}");
    clock.pass(10).await;
    server.stop().await;
    // Three runs are ahead. The scheduler is away for days.
    clock.leap(9 * 86_400 + 60);
    let server = world.clocked_replica(&clock, &["SCHEDULER"], &[]).await;
    clock.pass(10).await;
    let runs = json!({"deployments": {"id": {"any_": [made["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"});
    let days = |runs: &Value, slug: &str| -> Vec<i64> {
        let of = runs.as_array().unwrap().iter().filter(|run| run["created_by"]["display_value"] == slug);
        let time = |run: &Value| DateTime::parse_from_rfc3339(run["expected_start_time"].as_str().unwrap()).unwrap();
        of.map(|run| (time(run).to_utc() - anchor).num_days()).collect()
    };
    let found = server.post("/flow_runs/filter", runs.clone()).await;
    assert_eq!(days(&found, "all"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(days(&found, "latest"), [1, 2, 3, 9, 10, 11, 12]);
    assert_eq!(days(&found, "none"), [1, 2, 3, 10, 11, 12]);
    assert_eq!(days(&found, "unsaid"), [1, 2, 3, 10, 11, 12]);

    // What passes while it is paused is not made up for, nor what was before a change; and a client that knows nothing of the policy leaves it.
    let path = format!("/deployments/{}", text(&made["id"]));
    server.post(&format!("{path}/pause_deployment"), Value::Null).await;
    clock.leap(20 * 86_400);
    clock.until_asleep(1).await;
    server.post(&format!("{path}/resume_deployment"), Value::Null).await;
    clock.pass(10).await;
    let found = server.post("/flow_runs/filter", runs.clone()).await;
    assert_eq!(days(&found, "all").into_iter().filter(|day| *day > 9).collect::<Vec<_>>(), [30, 31, 32]);
    let make =
        json!({"name": "daily", "flow_id": flow, "enforce_parameter_schema": false, "schedules": [schedule("all")]});
    let made = server.post("/deployments/", make).await;
    assert_eq!(made["schedules"][0]["catch_up"], "all");
    server.stop().await;
}
