//! What clients and web pages ask for.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::filled::Rows;

/// A request.
pub(super) struct Asked {
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Why a table may be read from end to end for it.
    pub(super) excuse: Option<&'static str>,
    /// Whether few rows are wanted, so that they have to be looked up.
    pub(super) few: bool,
}

impl Asked {
    fn but(self, excuse: &'static str) -> Self {
        Asked { excuse: Some(excuse), ..self }
    }

    fn few(self) -> Self {
        Asked { few: true, ..self }
    }
}

fn post(what: &'static str, path: &str, body: Value) -> Asked {
    Asked { what, method: Method::POST, path: path.to_owned(), body: Some(body), excuse: None, few: false }
}

fn get(what: &'static str, path: impl Into<String>) -> Asked {
    Asked { what, method: Method::GET, path: path.into(), body: None, excuse: None, few: false }
}

fn delete(what: &'static str, path: impl Into<String>) -> Asked {
    Asked { what, method: Method::DELETE, path: path.into(), body: None, excuse: None, few: false }
}

/// Tells the time some minutes ago.
fn ago(minutes: i64) -> String {
    (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339()
}

/// Lists all requests. Those that change something come last.
pub(super) fn requests(rows: &Rows) -> Vec<Asked> {
    [
        of_flow_runs(rows),
        of_task_runs(rows),
        of_what_they_say(rows),
        of_deployments(rows),
        of_others(rows),
        changes(rows),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_flow_runs(rows: &Rows) -> Vec<Asked> {
    let Rows { flow, flow_run, parent, deployment, .. } = rows;
    let filter = |what, body: Value| {
        let mut body = body;
        body["limit"] = json!(50);
        post(what, "/flow_runs/filter", body)
    };
    let runs = |of: Value| json!({"flow_runs": of, "sort": "START_TIME_DESC"});
    let state = |kinds: &[&str]| json!({"state": {"type": {"any_": kinds}}});
    let lately = json!({"start_time": {"after_": ago(60)}});
    let history = json!({"history_start": ago(120), "history_end": ago(0), "history_interval_seconds": 600});
    let counted = "a count of all runs reads all";
    let tagged = "tags are lists in a text, which no index finds; pages are full soon where tags are common";
    let named = "no index finds what is within a name";
    let all = vec![
        filter("flow runs, newest", json!({"sort": "START_TIME_DESC"})),
        filter("flow runs, newest by id", json!({"sort": "ID_DESC"})),
        filter("flow runs, last ended", json!({"sort": "END_TIME_DESC"})),
        filter("flow runs, next", json!({"sort": "NEXT_SCHEDULED_START_TIME_ASC", "flow_runs": state(&["SCHEDULED"])})),
        filter("flow runs by name", json!({"sort": "NAME_ASC"})),
        filter("flow runs of a name", runs(json!({"name": {"any_": ["run 3-7"]}}))).few(),
        filter("flow runs with a part of a name", runs(json!({"name": {"like_": "3-77"}}))).but(named),
        filter("flow runs by id", runs(json!({"id": {"any_": [flow_run]}}))).few(),
        filter("flow runs in rare states", runs(state(&["FAILED", "CRASHED"]))).few(),
        filter("flow runs under way", runs(state(&["RUNNING", "PENDING", "PAUSED", "CANCELLING"]))).few(),
        filter("flow runs in a common state", runs(state(&["COMPLETED"]))),
        filter("late flow runs", runs(json!({"state": {"name": {"any_": ["Late"]}}}))).few(),
        filter("flow runs of a flow", json!({"sort": "START_TIME_DESC", "flows": {"id": {"any_": [flow]}}})),
        filter(
            "flow runs of a flow by name",
            json!({"sort": "START_TIME_DESC", "flows": {"name": {"any_": ["flow 3"]}}}),
        ),
        filter("flow runs of a deployment", runs(json!({"deployment_id": {"any_": [deployment]}}))),
        filter(
            "flow runs of a deployment by name",
            json!({"sort": "START_TIME_DESC", "deployments": {"name": {"any_": ["nightly"]}}}),
        ),
        filter("flow runs of a pool", json!({"sort": "START_TIME_DESC", "work_pools": {"name": {"any_": ["pool"]}}})),
        filter(
            "flow runs of a queue",
            json!({"sort": "START_TIME_DESC", "work_pool_queues": {"name": {"any_": ["default"]}}}),
        ),
        filter("flow runs with a tag", runs(json!({"tags": {"all_": ["tag 3"]}}))),
        filter("flow runs with a rare tag", runs(json!({"tags": {"all_": ["none"]}}))).but(tagged),
        filter("flow runs of an hour", runs(lately.clone())),
        filter("flow runs that ended in an hour", runs(json!({"end_time": {"after_": ago(60)}}))),
        filter("flow runs expected in an hour", runs(json!({"expected_start_time": {"after_": ago(60)}}))),
        filter("flow runs by key", runs(json!({"idempotency_key": {"any_": ["key 3-7"]}}))).few(),
        filter("subflows of a run", runs(json!({"parent_flow_run_id": {"any_": [parent]}}))).few(),
        filter("subflow of a task run", runs(json!({"parent_task_run_id": {"any_": [rows.task_run]}}))).few(),
        filter(
            "flow runs with a task of a name",
            json!({"sort": "START_TIME_DESC", "task_runs": {"name": {"any_": ["load"]}}}),
        )
        .but("an index of task runs by name would cost each of them as much as being recorded"),
        post(
            "flow runs, a page of an hour",
            "/flow_runs/paginate",
            json!({"limit": 50, "page": 1, "flow_runs": lately}),
        ),
        post("flow runs, a page of all", "/flow_runs/paginate", json!({"limit": 50, "page": 1})).but(counted),
        post("flow runs, counted", "/flow_runs/count", json!({})).but(counted),
        post("flow runs of an hour, counted", "/flow_runs/count", json!({"flow_runs": lately})),
        post("flow runs of a flow, counted", "/flow_runs/count", json!({"flows": {"id": {"any_": [flow]}}})),
        post("failed flow runs, counted", "/flow_runs/count", json!({"flow_runs": state(&["FAILED"])})),
        post(
            "flow runs of a deployment, counted",
            "/flow_runs/count",
            json!({"deployments": {"id": {"any_": ["00000000-0000-0000-0000-000000000000"]}}}),
        ),
        post("history of flow runs", "/flow_runs/history", history.clone()),
        post(
            "history of flow runs for a chart",
            "/ui/flow_runs/history",
            json!({"sort": "EXPECTED_START_TIME_DESC", "limit": 100}),
        ),
        post("lateness of flow runs", "/flow_runs/lateness", json!({"flow_runs": lately})),
        post("next flow runs", "/ui/flows/next-runs", json!({"flow_ids": [flow]})),
    ];
    let of_one = [
        get("flow run", format!("/flow_runs/{flow_run}")),
        get("graph of a flow run", format!("/flow_runs/{flow_run}/graph")),
        get("graph of a flow run in the new form", format!("/flow_runs/{flow_run}/graph-v2")),
        get("graph of a flow run with a subflow", format!("/flow_runs/{parent}/graph-v2")),
        get("states of a flow run", format!("/flow_run_states/?flow_run_id={flow_run}")),
        get("log of a flow run", format!("/flow_runs/{flow_run}/logs/download")),
        post("inputs of a flow run", &format!("/flow_runs/{flow_run}/input/filter"), json!({"prefix": "a"})),
    ];
    all.into_iter().chain(of_one).collect()
}

fn of_task_runs(rows: &Rows) -> Vec<Asked> {
    let Rows { flow_run, task_run, parent, .. } = rows;
    let filter = |what, body: Value| post(what, "/task_runs/filter", body);
    let lately = json!({"start_time": {"after_": ago(60), "before_": ago(0)}});
    let unindexed = "no web page asks so, and an index would cost every task run as much as the one by its start";
    let history = json!({"history_start": ago(120), "history_end": ago(0), "history_interval_seconds": 600});
    vec![
        filter("task runs, newest", json!({"sort": "ID_DESC"})),
        filter("task runs, last ended", json!({"sort": "END_TIME_DESC"})).but(unindexed),
        filter("task runs, last expected", json!({"sort": "EXPECTED_START_TIME_DESC"})).but(unindexed),
        filter("task runs of an hour, last expected", json!({"sort": "EXPECTED_START_TIME_DESC", "task_runs": lately})),
        filter("task runs of a flow run", json!({"flow_runs": {"id": {"any_": [flow_run]}}})),
        filter(
            "task runs of a flow run, as the client asks",
            json!({"task_runs": {"flow_run_id": {"any_": [flow_run]}}}),
        ),
        filter("task runs by id", json!({"task_runs": {"id": {"any_": [task_run]}}})),
        filter(
            "task runs without subflows",
            json!({"task_runs": {"flow_run_id": {"any_": [parent]}, "subflow_runs": {"exists_": false}}}),
        ),
        filter("task runs under way", json!({"task_runs": {"state": {"type": {"any_": ["RUNNING", "SCHEDULED"]}}}}))
            .but(unindexed),
        filter("task runs of an hour", json!({"task_runs": lately})),
        filter("task runs of a flow", json!({"flows": {"name": {"any_": ["flow 3"]}}})),
        post(
            "task runs, a page of a flow run",
            "/task_runs/paginate",
            json!({"flow_runs": {"id": {"any_": [flow_run]}}}),
        ),
        post("task runs, counted", "/task_runs/count", json!({})).but("a count of all runs reads all"),
        post(
            "task runs of a flow run, counted",
            "/task_runs/count",
            json!({"flow_runs": {"id": {"any_": [flow_run]}}}),
        ),
        post("task runs of an hour, counted", "/task_runs/count", json!({"task_runs": lately})),
        post("history of task runs", "/task_runs/history", history).but(unindexed),
        post("task runs of a dashboard", "/ui/task_runs/dashboard/counts", json!({"task_runs": lately})),
        post("task runs of an hour by state", "/ui/task_runs/count", json!({"task_runs": lately})),
        post("task runs of flow runs, counted", "/ui/flow_runs/count-task-runs", json!({"flow_run_ids": [flow_run]})),
        get("task run", format!("/task_runs/{task_run}")),
        get("task run with its flow run", format!("/ui/task_runs/{task_run}")),
        get("states of a task run", format!("/task_run_states/?task_run_id={task_run}")),
    ]
}

fn of_what_they_say(rows: &Rows) -> Vec<Asked> {
    let Rows { flow_run, task_run, .. } = rows;
    let logs = |what, of: Value, sort| post(what, "/logs/filter", json!({"logs": of, "sort": sort}));
    let hour = json!({"since": ago(60), "until": ago(0)});
    let events = |what, filter: Value| {
        let mut filter = filter;
        filter["occurred"] = hour.clone();
        post(what, "/events/filter", json!({"filter": filter}))
    };
    let artifacts = |what, body| post(what, "/artifacts/filter", body);
    vec![
        logs("log of a run", json!({"flow_run_id": {"any_": [flow_run]}}), "TIMESTAMP_ASC"),
        logs("errors of a run", json!({"flow_run_id": {"any_": [flow_run]}, "level": {"ge_": 40}}), "TIMESTAMP_ASC"),
        logs("log of a task run", json!({"task_run_id": {"any_": [task_run]}}), "TIMESTAMP_ASC"),
        logs("newest lines", json!({}), "TIMESTAMP_DESC"),
        logs("lines of an hour", json!({"timestamp": {"after_": ago(60)}}), "TIMESTAMP_ASC"),
        logs(
            "lines of no task run",
            json!({"flow_run_id": {"any_": [flow_run]}, "task_run_id": {"is_null_": true}}),
            "TIMESTAMP_ASC",
        ),
        post("events, newest", "/events/filter", json!({})),
        events("events of a name", json!({"event": {"name": ["order.placed"]}})),
        events("events of flow runs", json!({"event": {"prefix": ["prefect.flow-run."]}})),
        events("events of a resource", json!({"resource": {"id": ["order.3"]}})),
        events("events of a flow run", json!({"resource": {"id": [format!("prefect.flow-run.{flow_run}")]}})),
        events(
            "events related to a flow run",
            json!({"any_resource": {"id": [format!("prefect.flow-run.{flow_run}")]}}),
        ),
        events("events of a task run", json!({"resource": {"id": [format!("prefect.task-run.{task_run}")]}})),
        events(
            "events related to a flow",
            json!({"related": {"id": [format!("prefect.flow.{}", rows.flow.as_str().unwrap())]}}),
        ),
        post("events by name, counted", "/events/count-by/event", json!({"filter": {"occurred": hour}})),
        post(
            "events by time, counted",
            "/events/count-by/time",
            json!({"filter": {"occurred": hour}, "time_unit": "minute"}),
        ),
        artifacts("artifacts, newest", json!({"sort": "CREATED_DESC"})),
        artifacts("artifacts of a run", json!({"artifacts": {"flow_run_id": {"any_": [flow_run]}}})),
        artifacts("artifacts of a key", json!({"artifacts": {"key": {"any_": ["run-3"]}}})),
        post("latest artifacts", "/artifacts/latest/filter", json!({"sort": "UPDATED_DESC"}))
            .but("artifacts are sorted by when they were made; their changes are few"),
        post("latest artifacts by key", "/artifacts/latest/filter", json!({"sort": "KEY_ASC"})),
        post("latest artifacts, counted", "/artifacts/latest/count", json!({})).but("a count of all keys reads all"),
        get("latest of a key", "/artifacts/run-3/latest"),
    ]
}

fn of_deployments(rows: &Rows) -> Vec<Asked> {
    let Rows { flow, deployment, queue, .. } = rows;
    let due = json!({"scheduled_before": ago(0)});
    vec![
        post("deployments by name", "/deployments/filter", json!({"sort": "NAME_ASC"})),
        post("deployments of a name", "/deployments/filter", json!({"deployments": {"name": {"any_": ["nightly"]}}})),
        post("deployments of a flow", "/deployments/filter", json!({"flows": {"id": {"any_": [flow]}}})),
        post("deployments, a page", "/deployments/paginate", json!({"limit": 50}))
            .but("the count of all is told beside it"),
        post("deployments, counted", "/deployments/count", json!({})).but("a count of all reads all"),
        post("deployments of flows, counted", "/ui/flows/count-deployments", json!({"flow_ids": [flow]})),
        get("deployment of a name", "/deployments/name/flow%200/nightly"),
        get("deployment", format!("/deployments/{deployment}")),
        get("schedules", format!("/deployments/{deployment}/schedules")),
        post(
            "runs of deployments that are due",
            "/deployments/get_scheduled_flow_runs",
            json!({"deployment_ids": [deployment], "scheduled_before": ago(0)}),
        ),
        post("runs of a pool that are due", "/work_pools/pool/get_scheduled_flow_runs", due.clone()),
        post("runs of a queue that are due", &format!("/work_queues/{queue}/get_runs"), due),
        get("status of a queue", format!("/work_queues/{queue}/status")),
        post("slots of a queue", &format!("/work_queues/{queue}/concurrency_status"), json!({})),
        post("slots of a pool", "/work_pools/pool/concurrency_status", json!({})),
        post("queues of a pool", "/work_pools/pool/queues/filter", json!({})),
        post("workers of a pool", "/work_pools/pool/workers/filter", json!({"limit": 50})),
        post(
            "workers that are there",
            "/work_pools/pool/workers/filter",
            json!({"workers": {"status": {"any_": ["ONLINE"]}}}),
        ),
        post("pools", "/work_pools/filter", json!({})),
    ]
}

fn of_others(rows: &Rows) -> Vec<Asked> {
    vec![
        post("flows by name", "/flows/filter", json!({"sort": "NAME_ASC"})),
        get("flow of a name", "/flows/name/flow%203"),
        post("variables", "/variables/filter", json!({"sort": "NAME_ASC"})),
        post("variables of a name", "/variables/filter", json!({"variables": {"name": {"any_": ["variable"]}}})),
        get("variable", "/variables/name/variable"),
        post("blocks", "/block_documents/filter", json!({})),
        get("block of a name", "/block_types/slug/note/block_documents/name/mine"),
        get("blocks of a type", "/block_types/slug/note/block_documents"),
        get("block", format!("/block_documents/{}", rows.block)),
        post("limits", "/v2/concurrency_limits/filter", json!({})),
        post("limits of tags", "/concurrency_limits/filter", json!({})),
        post("automations", "/automations/filter", json!({})),
    ]
}

fn changes(rows: &Rows) -> Vec<Asked> {
    let Rows { flow, flow_run, task_run, deployment, .. } = rows;
    let new = json!({"flow_id": flow, "idempotency_key": "key 3-7"});
    let task = json!({"flow_run_id": flow_run, "task_key": "more", "dynamic_key": "9", "name": "more", "state": {"type": "PENDING"}});
    let running = json!({"state": {"type": "RUNNING"}});
    vec![
        post("a limit", "/v2/concurrency_limits/", json!({"name": "few", "limit": 3})),
        post("a slot is taken", "/v2/concurrency_limits/increment", json!({"names": ["few"], "slots": 1})),
        post(
            "a slot with a lease is taken",
            "/v2/concurrency_limits/increment-with-lease",
            json!({"names": ["few"], "slots": 1, "lease_duration": 60}),
        ),
        post("a flow run is made again", "/flow_runs/", new),
        post("a flow run of a deployment is made", &format!("/deployments/{deployment}/create_flow_run"), json!({})),
        post("a task run is made", "/task_runs/", task.clone()),
        post("a task run is made again", "/task_runs/", task),
        post(
            "a task run is moved",
            &format!("/task_runs/{task_run}/set_state"),
            json!({"state": {"type": "COMPLETED"}}),
        ),
        post("a flow run is moved", &format!("/flow_runs/{}/set_state", rows.parent), running),
        post("a worker is heard of", "/work_pools/pool/workers/heartbeat", json!({"name": "worker"})),
        post("a deployment rests", &format!("/deployments/{deployment}/pause_deployment"), json!({})),
        delete("a task run goes", format!("/task_runs/{task_run}")),
        delete("a flow run goes", format!("/flow_runs/{flow_run}")),
        delete("a deployment goes", format!("/deployments/{deployment}")),
        delete("a block goes", format!("/block_documents/{}", rows.block)),
        delete("a pool goes", "/work_pools/pool").but("all of its workers go with it"),
        delete("a flow goes", format!("/flows/{}", flow.as_str().unwrap())),
    ]
}
