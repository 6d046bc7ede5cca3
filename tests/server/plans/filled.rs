//! A database with some ten thousands of rows: a few are made by requests, and those are copied with other ids and times.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::world::{World, text};

/// How many copies there are of what was once. One in ten minutes, they reach back for a week.
const COPIES: u32 = 1000;

/// How many copies there are of the runs that are to come, one in ten minutes.
const COPIES_AHEAD: u32 = 50;

/// How many flows there are.
const FLOWS: usize = 20;

/// How many deployments and workers are copied.
const DEPLOYMENTS: usize = 5;

/// What requests name.
pub(super) struct Rows {
    pub(super) flow: Value,
    pub(super) flow_run: String,
    pub(super) parent: String,
    pub(super) task_run: String,
    pub(super) deployment: String,
    pub(super) queue: String,
    pub(super) block: String,
}

/// Which rows of a table are copied, and which of their columns are to differ.
struct Copied {
    table: &'static str,
    ids: &'static [&'static str],
    times: &'static [&'static str],
    names: &'static [&'static str],
}

const FLOW_RUNS: Copied = Copied {
    table: "flow_runs",
    ids: &["id", "state_id"],
    times: &["created", "updated", "expected_start_time", "next_scheduled_start_time", "start_time", "end_time"],
    names: &["name", "idempotency_key"],
};

const COPIED: [Copied; 9] = [
    FLOW_RUNS,
    Copied { table: "flow_run_states", ids: &["flow_run_id", "id"], times: &["timestamp"], names: &[] },
    Copied {
        table: "task_runs",
        ids: &["id", "flow_run_id"],
        times: &["expected_start_time", "start_time", "end_time"],
        names: &["name"],
    },
    Copied { table: "logs", ids: &["id", "flow_run_id"], times: &["timestamp"], names: &[] },
    Copied { table: "events", ids: &["id"], times: &["occurred", "received"], names: &[] },
    Copied { table: "artifacts", ids: &["id", "flow_run_id"], times: &["created", "updated"], names: &["key"] },
    Copied { table: "variables", ids: &["id"], times: &["created"], names: &["name"] },
    Copied { table: "deployments", ids: &["id"], times: &["created", "last_polled"], names: &["name"] },
    Copied { table: "workers", ids: &["id"], times: &["last_heartbeat_time"], names: &["name"] },
];

/// Fills the database of a server.
pub(super) async fn fill(world: &World) -> Rows {
    world.post("/work_pools/", json!({"name": "pool", "type": "process"})).await;
    let queue = text(&world.get("/work_pools/pool/queues/default").await["id"]);
    let mut flows = Vec::new();
    for number in 0..FLOWS {
        flows.push(world.flow(&format!("flow {number}")).await);
    }
    let mut deployment = String::new();
    for flow in &flows[..DEPLOYMENTS] {
        let new = json!({"flow_id": flow, "name": "nightly", "work_pool_name": "pool", "tags": ["team"],
            "schedules": [{"schedule": {"interval": 86400}}]});
        deployment = text(&world.post("/deployments/", new).await["id"]);
    }
    for (number, flow) in flows.iter().enumerate() {
        let mut new = json!({"flow_id": flow, "name": format!("run {number}"), "tags": [format!("tag {number}")],
            "idempotency_key": format!("key {number}")});
        if number < FLOWS / 2 {
            new["deployment_id"] = json!(deployment);
        }
        ended(world, new).await;
    }
    for number in 0..DEPLOYMENTS {
        let worker = json!({"name": format!("worker {number}")});
        world.ask(Method::POST, "/work_pools/pool/workers/heartbeat", Some(worker)).await;
    }
    world.post("/variables/", json!({"name": "variable", "value": 1})).await;
    let block = block(world).await;
    let order = json!({"id": uuid::Uuid::new_v4(), "occurred": chrono::Utc::now(), "event": "order.placed", "payload": {},
        "resource": {"prefect.resource.id": "order.1"}, "related": []});
    world
        .post(
            "/events",
            Value::from_iter((0..FLOWS).map(|number| {
                let mut order = order.clone();
                order["id"] = json!(uuid::Uuid::new_v4());
                order["resource"]["prefect.resource.id"] = json!(format!("order.{number}"));
                order
            })),
        )
        .await;
    let database = Database { url: world.database() };
    for copied in &COPIED {
        database.copy(copied, COPIES, "-", "").await;
    }
    // Workers and deployments of which nothing was heard for long.
    world.sql("UPDATE workers SET status = 'OFFLINE' WHERE name LIKE '%-%'").await;
    world.sql("UPDATE deployments SET work_queue_id = NULL, work_queue_name = NULL WHERE name LIKE '%-%'").await;
    // These are few among many.
    let (parent, task_run) = rare(world, &flows, &deployment).await;
    database.copy(&FLOW_RUNS, COPIES_AHEAD, "+", "WHERE state_type = 'SCHEDULED'").await;
    database.analyze().await;
    let runs = json!({"flow_runs": {"name": {"any_": ["run 3"]}}});
    let flow_run = text(&world.post("/flow_runs/filter", runs).await[0]["id"]);
    Rows { flow: flows[3].clone(), flow_run, parent, task_run, deployment, queue, block }
}

/// Makes a run that has ended, with task runs, log lines and an artifact.
async fn ended(world: &World, new: Value) {
    let key = text(&new["name"]).replace(' ', "-");
    let run = world.flow_run(new).await;
    world.set_state(&run, json!({"type": "RUNNING"})).await;
    for key in ["extract", "load"] {
        let task_run =
            json!({"flow_run_id": run, "task_key": key, "dynamic_key": "0", "name": key, "state": {"type": "RUNNING"}});
        let task_run = text(&world.post("/task_runs/", task_run).await["id"]);
        let done = json!({"state": {"type": "COMPLETED"}});
        world.post(&format!("/task_runs/{task_run}/set_state"), done).await;
        let line =
            json!([{"name": "flow", "level": 20, "message": key, "timestamp": chrono::Utc::now(), "flow_run_id": run}]);
        world.post("/logs/", line).await;
    }
    let kept = json!({"key": key, "type": "markdown", "data": "x", "flow_run_id": run});
    world.post("/artifacts/", kept).await;
    world.set_state(&run, json!({"type": "COMPLETED"})).await;
}

/// Makes runs in every state, and one with a subflow, whose id it gives with that of the task run between.
async fn rare(world: &World, flows: &[Value], deployment: &str) -> (String, String) {
    for state in ["PENDING", "RUNNING", "PAUSED", "CANCELLING", "FAILED", "CRASHED"] {
        let details = if state == "PAUSED" { json!({"pause_timeout": "2020-01-01T00:00:00Z"}) } else { json!({}) };
        let new = json!({"flow_id": flows[1], "deployment_id": deployment, "state": {"type": "RUNNING"}});
        let run = world.flow_run(new).await;
        world.set_state(&run, json!({"type": state, "state_details": details})).await;
    }
    for seconds in 0..20 {
        let time = chrono::Utc::now() + chrono::TimeDelta::seconds(i64::from(seconds) * 60 - 300);
        let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": time}});
        world.flow_run(json!({"flow_id": flows[1], "deployment_id": deployment, "state": state})).await;
    }
    let parent = world.flow_run(json!({"flow_id": flows[1], "state": {"type": "RUNNING"}})).await;
    let between = json!({"flow_run_id": parent, "task_key": "sub", "dynamic_key": "0", "name": "sub", "state": {"type": "RUNNING"}});
    let between = text(&world.post("/task_runs/", between).await["id"]);
    world.flow_run(json!({"flow_id": flows[2], "parent_task_run_id": between, "state": {"type": "RUNNING"}})).await;
    (parent, between)
}

async fn block(world: &World) -> String {
    let kind = world.post("/block_types/", json!({"name": "Note", "slug": "note"})).await;
    let fields = json!({"title": "Note", "type": "object", "block_type_slug": "note", "block_schema_references": {}, "properties": {}});
    let schema = world.post("/block_schemas/", json!({"block_type_id": kind["id"], "fields": fields})).await;
    let new = json!({"block_type_id": kind["id"], "block_schema_id": schema["id"], "name": "mine", "data": {}});
    text(&world.post("/block_documents/", new).await["id"])
}

struct Database<'a> {
    url: &'a str,
}

impl Database<'_> {
    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// Copies rows of a table, so many times, into the past (`-`) or ahead (`+`).
    async fn copy(&self, Copied { table, ids, times, names }: &Copied, copies: u32, sign: &str, of: &str) {
        let columns = self.columns(table).await;
        let values = columns.iter().map(|column| {
            if ids.contains(&&**column) {
                self.id(column, sign)
            } else if times.contains(&&**column) {
                format!("{column} {sign} i * 600000000")
            } else if names.contains(&&**column) {
                format!("{column} || '-' || i")
            } else {
                column.clone()
            }
        });
        let values = values.collect::<Vec<_>>().join(", ");
        self.run(&format!(
            "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {copies}) \
             INSERT INTO {table} ({}) SELECT {values} FROM {table} CROSS JOIN n {of}",
            columns.join(", ")
        ))
        .await;
    }

    /// Makes an id of another time of one that is there.
    fn id(&self, column: &str, sign: &str) -> String {
        let now = chrono::Utc::now().timestamp_millis();
        if self.is_sqlite() {
            format!("unhex(printf('%012x', {now} {sign} i * 600000) || substr(hex({column}), 13))")
        } else {
            let rest = format!("substr(replace({column}::text, '-', ''), 13)");
            format!("(lpad(to_hex({now} {sign} i * 600000), 12, '0') || {rest})::uuid")
        }
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(self.url).await.unwrap();
            let question = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
            let rows = sqlx::query(question).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = PgConnection::connect(self.url).await.unwrap();
            let question = "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1";
            let rows = sqlx::query(question).bind(table).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// Lets PostgreSQL know its tables, as it does by itself after some time. SQLite is not asked to, as flowcore never does.
    async fn analyze(&self) {
        if !self.is_sqlite() {
            self.run("VACUUM ANALYZE").await;
        }
    }

    async fn run(&self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(self.url).await.unwrap();
            statement.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(self.url).await.unwrap();
            statement.execute(&mut connection).await.unwrap();
        }
    }
}
