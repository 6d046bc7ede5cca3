//! Three servers on one database, and a deployment that changes every second: every tick has one run.

use std::time::{Duration, Instant};

use flowcore::{Error, Result};
use serde_json::json;
use tokio::net::TcpListener;

use super::Plan;
use super::api::Api;
use super::kills::one_run_a_tick;
use crate::server::start_with_services;

pub(super) async fn prove(plan: &Plan, database: &str) -> Result<()> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let server = start_with_services(database, port).await?;
        servers.push((server, Api::new(format!("http://127.0.0.1:{port}/api"))?));
    }
    let (begin, long) = (Instant::now(), Duration::from_secs(plan.replica_seconds));
    let (mut deployed, mut id) = (0_u32, String::new());
    while begin.elapsed() < long {
        // The schedule stays as it is, what its runs get does not.
        let body = json!({
            "schedules": [{"schedule": {"interval": 1.0, "anchor_date": "2026-01-01T00:00:00Z"}, "active": true}],
            "parameters": {"file": "none", "steps": deployed, "pause": 0.0},
        });
        for (_, api) in &servers {
            id = api.deploy("punctual", "replicated", &body).await?;
            deployed += 1;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (_, api) = servers.first().ok_or_else(|| Error::msg("there is no server"))?;
    api.patch(&format!("/deployments/{id}"), &json!({"paused": true})).await?;
    let paused = chrono::Utc::now().timestamp_micros();
    let runs = api.runs(&id).await?;
    one_run_a_tick(&runs, paused)?;
    if (runs.len() as u64) + 5 < plan.replica_seconds {
        return Err(Error::msg(format!("{} runs in {} s", runs.len(), plan.replica_seconds)));
    }
    println!(
        "PostgreSQL: three servers, deployed {deployed} times in {} s: {} ticks, a run each",
        long.as_secs(),
        runs.len()
    );
    for (mut server, _) in servers {
        server.kill().await?;
    }
    Ok(())
}
