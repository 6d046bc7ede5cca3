//! What clients do all day, at so many clients for so long.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

use crate::embedded::Failed;

use super::http::Http;

/// How many lines a client sends at once, as Prefect's do when they log much.
const LINES: usize = 500;

/// What clients did.
pub(crate) struct Done {
    /// How often in a second, all clients together.
    pub(crate) per_second: f64,
    /// How long each took.
    latencies: Vec<Duration>,
}

impl Done {
    /// Gives the latency that so many of a hundred stay below, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// One kind of work of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The bare exchange: three requests that touch no database.
    Health,
    /// A flow run is made, runs, and completes.
    Lifecycle,
    /// A run is read by its id.
    Read,
    /// The newest 50 runs of a flow are listed, with a condition on their states.
    Filter,
    /// Lines are sent.
    Logs,
}

/// Does this work with so many clients until the time is up.
pub(crate) async fn run(api: &str, work: Work, clients: usize, time: Duration) -> Result<Done, Failed> {
    let (flow, run) = prepare(api).await?;
    let begin = Instant::now();
    let lanes: Vec<_> = (0..clients)
        .map(|_| {
            let (api, flow, run) = (api.to_owned(), flow.clone(), run.clone());
            tokio::spawn(async move {
                let mut http = Http::connect(&api).await?;
                let mut latencies = Vec::new();
                while begin.elapsed() < time {
                    let once = Instant::now();
                    do_once(&mut http, work, &flow, &run).await?;
                    latencies.push(once.elapsed());
                }
                Ok::<_, Failed>(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for lane in lanes {
        latencies.extend(lane.await??);
    }
    let per_second = latencies.len() as f64 / begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Ok(Done { per_second, latencies })
}

/// Makes the flow and the run that the work is about, and gives their ids.
pub(super) async fn prepare(api: &str) -> Result<(Value, String), Failed> {
    let mut http = Http::connect(api).await?;
    let flow = http.post("/flows/", &json!({"name": "bench"})).await?["id"].clone();
    let run = http.post("/flow_runs/", &json!({"flow_id": flow})).await?["id"].as_str().unwrap_or_default().to_owned();
    Ok((flow, run))
}

/// Does this work once.
pub(super) async fn do_once(http: &mut Http, work: Work, flow: &Value, run: &str) -> Result<(), Failed> {
    match work {
        Work::Health => {
            for _ in 0..3 {
                http.get("/health").await?;
            }
        }
        Work::Lifecycle => {
            let run = http.post("/flow_runs/", &json!({"flow_id": flow, "state": {"type": "PENDING"}})).await?;
            let path = format!("/flow_runs/{}/set_state", run["id"].as_str().unwrap_or_default());
            for kind in ["RUNNING", "COMPLETED"] {
                let answer = http.post(&path, &json!({"state": {"type": kind}})).await?;
                if answer["status"] != "ACCEPT" {
                    return Err(format!("{kind} was not accepted: {answer}").into());
                }
            }
        }
        Work::Read => http.get(&format!("/flow_runs/{run}")).await?,
        Work::Filter => {
            let body = json!({"sort": "START_TIME_DESC", "limit": 50, "flows": {"id": {"any_": [flow]}},
                "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}});
            http.post("/flow_runs/filter", &body).await?;
        }
        Work::Logs => {
            let lines: Vec<Value> = (0..LINES).map(|number| line(run, number)).collect();
            let body = Value::from(lines).to_string();
            http.ask(hyper::Method::POST, "/logs/", body).await?;
        }
    }
    Ok(())
}

fn line(run: &str, number: usize) -> Value {
    json!({"name": "prefect.flow_runs", "level": 20, "timestamp": "2026-05-28T12:00:00Z", "flow_run_id": run,
        "message": format!("line {number}: fetched a page of the catalogue and kept what has changed since")})
}

/// Gives how many lines one unit of [`Work::Logs`] sends.
pub(crate) const fn lines() -> f64 {
    LINES as f64
}

/// Reports task runs over the websocket of events, three events each, and gives how many events were recorded in a
/// second: until the API counts them all.
pub(crate) async fn events(api: &str, clients: usize, runs: usize) -> Result<f64, Failed> {
    let mut http = Http::connect(api).await?;
    let flow = http.post("/flows/", &json!({"name": "bench-events"})).await?["id"].clone();
    let run = http.post("/flow_runs/", &json!({"flow_id": flow})).await?["id"].as_str().unwrap_or_default().to_owned();
    let begin = Instant::now();
    let lanes: Vec<_> =
        (0..clients).map(|_| tokio::spawn(report(api.to_owned(), run.clone(), runs / clients))).collect();
    for lane in lanes {
        lane.await??;
    }
    let wanted = (runs / clients * clients) as u64;
    let completed =
        json!({"flow_runs": {"id": {"any_": [run]}}, "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}});
    while http.post("/task_runs/count", &completed).await?.as_u64() != Some(wanted) {
        if begin.elapsed() > Duration::from_secs(120) {
            return Err("the task runs that were reported do not appear".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((3 * wanted) as f64 / begin.elapsed().as_secs_f64())
}

async fn report(api: String, flow_run: String, runs: usize) -> Result<(), Failed> {
    let mut request = format!("{}/events/in", api.replacen("http", "ws", 1)).into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", "prefect".parse()?);
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    let (mut sink, mut stream) = socket.split();
    sink.send(Message::text(json!({"type": "auth", "token": null}).to_string())).await?;
    stream.next().await.ok_or("the server closed the connection")??;
    for _ in 0..runs {
        let task_run = Uuid::now_v7();
        for (second, kind) in ["PENDING", "RUNNING", "COMPLETED"].into_iter().enumerate() {
            sink.feed(Message::text(event(task_run, &flow_run, second, kind).to_string())).await?;
        }
    }
    sink.send(Message::Ping(Vec::new().into())).await?;
    while let Some(message) = stream.next().await {
        if let Message::Pong(_) = message? {
            return Ok(());
        }
    }
    Err("the server closed the connection".into())
}

/// An event as Prefect's clients send it.
fn event(task_run: Uuid, flow_run: &str, second: usize, kind: &str) -> Value {
    let name = format!("{}{}", &kind[..1], kind[1..].to_lowercase());
    let time = format!("2026-05-28T12:00:{second:02}Z");
    json!({
        "id": Uuid::now_v7(), "occurred": time, "event": format!("prefect.task-run.{name}"),
        "resource": {"prefect.resource.id": format!("prefect.task-run.{task_run}"), "prefect.resource.name": "fetch-0",
            "prefect.run-count": "1", "prefect.state-name": name, "prefect.state-type": kind,
            "prefect.state-timestamp": time, "prefect.orchestration": "client"},
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "intended": {"from": null, "to": kind}, "initial_state": null,
            "validated_state": {"type": kind, "name": name, "message": null, "state_details": {}, "data": null},
            "task_run": {"name": "fetch-0", "task_key": "fetch", "dynamic_key": task_run, "run_count": 1, "tags": [],
                "flow_run_run_count": 1, "expected_start_time": "2026-05-28T12:00:00Z", "task_inputs": {}}
        }
    })
}
