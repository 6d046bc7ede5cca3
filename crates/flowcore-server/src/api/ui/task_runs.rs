//! Figures of task runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DurationRound, TimeDelta};
use flowcore::model::{StateType, Timestamp};
use flowcore::store::Buckets;
use flowcore::store::query::{Table, Values, task_run};
use flowcore::wire::TaskRunBody;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::api::task_runs::find;
use crate::error::ApiError;
use crate::extract::{Body, Id};
use crate::filter::Objects;
use crate::routes::{Routes, op};
use crate::state::App;

/// Into how many stretches of time the dashboard divides.
const BUCKETS: i64 = 20;

pub(super) fn routes() -> Routes {
    Routes::new(&["Task Runs", "UI"])
        .post("/ui/task_runs/dashboard/counts", op("read_dashboard_task_run_counts", dashboard))
        .post("/ui/task_runs/count", op("read_task_run_counts_by_state", count))
        .get("/ui/task_runs/{id}", op("read_task_run_with_flow_run_name", read))
}

/// The task runs of a stretch of time that have ended.
#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
struct Ended {
    completed: u64,
    failed: u64,
}

async fn dashboard(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<Vec<Ended>>, ApiError> {
    let Some((since, until)) = objects.task_runs_started() else {
        if objects.has_task_runs() {
            let why = "task_runs.start_time.after_ is required".to_owned();
            return Err(ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why));
        }
        return Err(ApiError::invalid("missing", &["task_runs".into()], "Field required", json!({})));
    };
    let minute = TimeDelta::minutes(1);
    let whole = |time: Timestamp| time.duration_trunc(minute).unwrap_or(time);
    let (start, end) = (whole(since), whole(until.unwrap_or_else(|| app.now())) + minute);
    let interval = ((end - start).num_microseconds().unwrap_or(i64::MAX) / BUCKETS).max(1);
    // One more takes in what the division leaves over.
    let buckets = Buckets { start, interval, count: BUCKETS + 1 };
    let ends = StateType::ALL.into_iter().filter(|kind| kind.is_terminal());
    let ended = task_run::STATE_TYPE.one_of(Values::Texts(ends.map(|kind| kind.as_str().to_owned()).collect()));
    let condition = objects.of_task_runs().and(ended);
    let by = task_run::START_TIME;
    let mut counts = vec![Ended::default(); usize::try_from(BUCKETS).unwrap_or_default()];
    for found in app.store.history(Table::TASK_RUNS, by, buckets, &condition, app.now()).await? {
        let bucket = found.bucket.min(BUCKETS - 1);
        let Some(count) = usize::try_from(bucket).ok().and_then(|bucket| counts.get_mut(bucket)) else { continue };
        match found.kind {
            StateType::Failed | StateType::Crashed => count.failed += found.count,
            _ => count.completed += found.count,
        }
    }
    Ok(Json(counts))
}

/// Counts task runs by the types of their states.
async fn count(
    State(app): State<App>,
    Body(objects): Body<Objects>,
) -> Result<Json<BTreeMap<&'static str, u64>>, ApiError> {
    let mut counts: BTreeMap<&str, u64> = StateType::ALL.into_iter().map(|kind| (kind.as_str(), 0)).collect();
    for count in app.store.count_states(Table::TASK_RUNS, &objects.of_task_runs()).await? {
        *counts.entry(count.kind.as_str()).or_default() += count.count;
    }
    Ok(Json(counts))
}

/// A task run with the name of its flow run.
#[derive(Serialize, JsonSchema)]
struct Named {
    #[serde(flatten)]
    run: TaskRunBody,
    flow_run_name: Option<String>,
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<Named>, ApiError> {
    let run = find(&app, id).await?;
    let flow_run = match run.flow_run_id {
        Some(id) => app.store.flow_run(id).await?,
        None => None,
    };
    let flow_run_name = flow_run.map(|run| run.name);
    Ok(Json(Named { run: TaskRunBody::new(&run, app.now()), flow_run_name }))
}
