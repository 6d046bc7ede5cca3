//! What a web page asks of a server, on a database that was filled by `cargo xtask fill`.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::embedded::Failed;
use crate::report::Report;

use super::child::Server;
use super::http::Http;

/// How often each is asked.
const TIMES: usize = 40;

/// No question is asked for longer than this.
const LONGEST: Duration = Duration::from_secs(20);

/// Measures each question and prints its median and its 95th percentile.
pub(crate) async fn run(report: &Report, database: &str) -> Result<(), Failed> {
    let home = TempDir::new()?;
    let server = Server::start(home.path(), database).await?;
    let mut http = Http::connect(&server.api).await?;
    let run = http
        .post(
            "/flow_runs/filter",
            &json!({"limit": 1, "sort": "START_TIME_DESC",
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}),
        )
        .await?[0]
        .clone();
    for (what, path, body) in questions(&run) {
        let mut times = Vec::new();
        let begin = Instant::now();
        while times.len() < TIMES && begin.elapsed() < LONGEST {
            let once = Instant::now();
            let (method, text) = match &body {
                Some(body) => (Method::POST, body.to_string()),
                None => (Method::GET, String::new()),
            };
            http.ask(method, &path, text).await?;
            times.push(once.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        report.remark(&format!("{what:<58} p50 {:>9.1} ms   p95 {:>9.1} ms", at(50), at(95)));
    }
    report.remark(&format!("the server has {:.0} MB in memory behind all this", server.memory_mb()?));
    Ok(())
}

fn questions(run: &Value) -> Vec<(&'static str, String, Option<Value>)> {
    let (id, flow) = (run["id"].as_str().unwrap_or_default(), &run["flow_id"]);
    let since = |days| (Utc::now() - TimeDelta::days(days)).to_rfc3339();
    let day = json!({"start_time": {"after_": since(1)}});
    let post = |path: &str, body: Value| (path.to_owned(), Some(body));
    let get = |path: String| (path, None);
    let state = |kinds: &[&str]| json!({"state": {"type": {"any_": kinds}}});
    [
        ("flow runs, newest 50", post("/flow_runs/filter", json!({"limit": 50, "sort": "START_TIME_DESC"}))),
        ("flow runs, newest 50 by id", post("/flow_runs/filter", json!({"limit": 50, "sort": "ID_DESC"}))),
        (
            "flow runs, next 50 to start",
            post(
                "/flow_runs/filter",
                json!({"limit": 50, "sort": "EXPECTED_START_TIME_ASC", "flow_runs": state(&["SCHEDULED"])}),
            ),
        ),
        (
            "flow runs of a flow, newest 50",
            post(
                "/flow_runs/filter",
                json!({"limit": 50, "sort": "START_TIME_DESC", "flows": {"id": {"any_": [flow]}}}),
            ),
        ),
        (
            "flow runs that failed, newest 50",
            post(
                "/flow_runs/filter",
                json!({"limit": 50, "sort": "START_TIME_DESC", "flow_runs": state(&["FAILED", "CRASHED"])}),
            ),
        ),
        (
            "flow runs with a tag, newest 50",
            post(
                "/flow_runs/filter",
                json!({"limit": 50, "sort": "START_TIME_DESC", "flow_runs": {"tags": {"all_": ["tenth"]}}}),
            ),
        ),
        (
            "flow runs by part of a name",
            post(
                "/flow_runs/filter",
                json!({"limit": 50, "sort": "START_TIME_DESC", "flow_runs": {"name": {"like_": "brave"}}}),
            ),
        ),
        (
            "flow runs, page 100",
            post("/flow_runs/filter", json!({"limit": 50, "offset": 5000, "sort": "START_TIME_DESC"})),
        ),
        (
            "flow runs of a day, paginated",
            post("/flow_runs/paginate", json!({"limit": 50, "page": 1, "flow_runs": day})),
        ),
        ("count of all flow runs", post("/flow_runs/count", json!({}))),
        ("count of a day's flow runs", post("/flow_runs/count", json!({"flow_runs": day}))),
        ("count of failed flow runs", post("/flow_runs/count", json!({"flow_runs": state(&["FAILED"])}))),
        (
            "history of a day in 48 steps",
            post(
                "/flow_runs/history",
                json!({"history_start": since(1),
            "history_end": since(0), "history_interval_seconds": 1800}),
            ),
        ),
        (
            "history of a week in 84 steps",
            post(
                "/flow_runs/history",
                json!({"history_start": since(7),
            "history_end": since(0), "history_interval_seconds": 7200}),
            ),
        ),
        ("lateness of a day's runs", post("/flow_runs/lateness", json!({"flow_runs": day}))),
        ("flows, first 50 by name", post("/flows/filter", json!({"limit": 50, "sort": "NAME_ASC"}))),
        ("flows, a page", post("/flows/paginate", json!({"limit": 50, "page": 1}))),
        ("a flow run", get(format!("/flow_runs/{id}"))),
        ("its task runs", post("/task_runs/filter", json!({"limit": 200, "flow_runs": {"id": {"any_": [id]}}}))),
        (
            "its log lines",
            post(
                "/logs/filter",
                json!({"limit": 200, "sort": "TIMESTAMP_ASC",
            "logs": {"flow_run_id": {"any_": [id]}}}),
            ),
        ),
        ("its graph", get(format!("/flow_runs/{id}/graph-v2"))),
        ("its states", get(format!("/flow_run_states/?flow_run_id={id}"))),
        ("counts of its task runs by state", post("/ui/flow_runs/count-task-runs", json!({"flow_run_ids": [id]}))),
        ("task runs, newest 50", post("/task_runs/filter", json!({"limit": 50, "sort": "ID_DESC"}))),
        (
            "task runs of a day, counted",
            post("/task_runs/count", json!({"task_runs": {"start_time": {"after_": since(1)}}})),
        ),
        (
            "dashboard of task runs of a day",
            post(
                "/ui/task_runs/dashboard/counts",
                json!({"task_runs": {"start_time": {"after_": since(1), "before_": since(0)}}}),
            ),
        ),
        ("log lines, newest 50", post("/logs/filter", json!({"limit": 50, "sort": "TIMESTAMP_DESC"}))),
        ("events, newest 50", post("/events/filter", json!({"limit": 50}))),
        ("next runs of flows", post("/ui/flows/next-runs", json!({"flow_ids": [flow]}))),
        ("deployments of flows, counted", post("/ui/flows/count-deployments", json!({"flow_ids": [flow]}))),
    ]
    .into_iter()
    .map(|(what, (path, body))| (what, path, body))
    .collect()
}
