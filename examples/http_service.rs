//! Flows inside an HTTP service, which goes on owning its runtime, its signals and its end.
//!
//! ```text
//! cargo run --example http_service FOLDER      # a folder with files like monday.csv; says where it listens
//! curl -X POST http://ADDRESS/reports/monday   # runs the flow: {"run":ID,"outcome":{"value":3}}
//! curl http://ADDRESS/runs/ID                  # {"name":..,"state":"Completed",..}
//! ```
//!
//! At Ctrl-C or SIGTERM it takes no more requests, answers those that it has, waits for the runs, and closes the engine.

use std::path::PathBuf;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use flowcore::model::FlowRunId;
use flowcore::{Engine, Error, Outcome, Result, flow, task};
use serde::Serialize;
use tokio::net::TcpListener;

#[task(retries = 1)]
fn count_lines(file: PathBuf) -> Result<usize> {
    Ok(std::fs::read_to_string(file)?.lines().count())
}

#[flow(flow_run_name = "report of {day}")]
async fn report(folder: PathBuf, day: String) -> Result<usize> {
    Ok(count_lines(folder.join(format!("{day}.csv"))).await?)
}

/// What handlers share.
#[derive(Clone)]
struct Service {
    engine: Engine,
    folder: PathBuf,
}

#[derive(Serialize)]
struct Report {
    run: Option<FlowRunId>,
    /// `{"value": ..}` or `{"error": ..}`.
    outcome: Outcome<usize>,
}

#[derive(Serialize)]
struct Run {
    name: String,
    state: String,
    message: Option<String>,
}

async fn make_report(State(service): State<Service>, Path(day): Path<String>) -> (StatusCode, Json<Report>) {
    // Submitted, the run goes on when the client hangs up. An awaited call is dropped with its handler, which asks the run
    // to end.
    let future = report(service.folder, day).on(&service.engine).submit();
    let outcome = future.outcome().await;
    let status = if outcome.result.is_ok() { StatusCode::CREATED } else { StatusCode::INTERNAL_SERVER_ERROR };
    (status, Json(Report { run: future.flow_run_id(), outcome }))
}

async fn show_run(State(service): State<Service>, Path(id): Path<FlowRunId>) -> Result<Json<Run>, StatusCode> {
    let found = service.engine.client().flow_run(id).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let run = found.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Run { name: run.name, state: run.state.name.into_owned(), message: run.state.message }))
}

/// Returns at the first Ctrl-C or SIGTERM.
async fn asked_to_end() {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        Some(()) = terminated() => {}
        // What cannot be listened for ends the process, as it does by default.
        else => std::future::pending().await,
    }
}

#[cfg(unix)]
async fn terminated() -> Option<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate()).ok()?.recv().await
}

#[cfg(not(unix))]
async fn terminated() -> Option<()> {
    None
}

#[tokio::main]
async fn main() -> Result<()> {
    // Flowcore's own answer to a signal would be to ask the runs to end.
    flowcore::init().without_signals().await?;
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::msg("http_service FOLDER"))?;
    let engine = Engine::default().await?;
    let service = Service { engine: engine.clone(), folder: folder.into() };
    let router =
        Router::new().route("/reports/{day}", post(make_report)).route("/runs/{id}", get(show_run)).with_state(service);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, router).with_graceful_shutdown(asked_to_end()).await?;
    // Those that take longer than half a minute are Cancelled, and can be retried.
    engine.shutdown().timeout(30).await?;
    println!("closed");
    Ok(())
}
