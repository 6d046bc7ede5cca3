//! Task runs: reading what clients have reported by events, and those that they make here.

mod states;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{FlowRunId, Labels, Page, RetryPolicy, RunTimes, StateId, StateType, TaskRun, TaskRunId};
use flowcore::orchestration::Decision;
use flowcore::store::Swap;
use flowcore::store::query::{Condition, Selection, Table, Test, Values, task_run};
use flowcore::store::records::Value as Cell;
use flowcore::wire::{OrchestrationResult, SetState, TaskRunBody, TaskRunCreate, TaskRunUpdate};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::decision::{decided, refused};
use super::history::{self, Asked, Interval};
use crate::cached_task_runs;
use crate::error::ApiError;
use crate::extract::{Body, Id, Pages, Paginated, Paging, or_default};
use crate::filter::{Objects, TaskRunSort};
use crate::result_artifacts::keep_result;
use crate::routes::{Routes, op};
use crate::state::App;
use crate::task_slots::{TagSlots, give_tag_slots_back, take_tag_slots};

const NOT_FOUND: ApiError = ApiError::NotFound("Task not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Task Runs"])
        .post("/task_runs/", op("create_task_run", create))
        .post("/task_runs/count", op("count_task_runs", count))
        .post("/task_runs/filter", op("read_task_runs", list))
        .post("/task_runs/paginate", op("paginate_task_runs", paginate))
        .post("/task_runs/history", op("task_run_history", runs_by_time))
        .get("/task_runs/{id}", op("read_task_run", read))
        .patch("/task_runs/{id}", op("update_task_run", update))
        .delete("/task_runs/{id}", op("delete_task_run", delete))
        .post("/task_runs/{id}/set_state", op("set_task_run_state", set_state))
        .merge(states::routes())
}

/// Makes a task run. One of the same flow run, task and dynamic key is returned instead.
async fn create(
    State(app): State<App>,
    Body(new): Body<TaskRunCreate>,
) -> Result<(StatusCode, Json<TaskRunBody>), ApiError> {
    let now = app.now();
    let mut labels = Labels::new();
    if let Some(flow_run_id) = new.flow_run_id {
        let text = |column, text: &str| Condition::Column(column, Test::OneOf(Values::Texts(vec![text.to_owned()])));
        let same = Condition::All(vec![
            Condition::Column(task_run::FLOW_RUN_ID, Test::OneOf(Values::Ids(vec![flow_run_id]))),
            text(task_run::TASK_KEY, &new.task_key),
            text(task_run::DYNAMIC_KEY, &new.dynamic_key),
        ]);
        if let Some(run) = first(&app, same).await? {
            return Ok((StatusCode::OK, Json(TaskRunBody::new(&run, now))));
        }
        let flow_run = app.store.flow_run(FlowRunId(flow_run_id)).await?.ok_or_else(ApiError::dangling)?;
        labels.extend(flow_run.labels);
        labels.insert("prefect.flow-run.id".to_owned(), json!(flow_run_id));
    }
    labels.extend(new.labels.map(Labels::from).unwrap_or_default());
    let id = TaskRunId(new.id.unwrap_or_else(|| app.clock.uuid()));
    let mut state = match new.state {
        Some(state) => state.into_state(StateId(app.clock.uuid()), now),
        None => app.state(StateType::Pending),
    };
    if state.kind == StateType::Scheduled && state.scheduled_time().is_none() {
        state = state.scheduled_for(now);
    }
    let flow_run_id = new.flow_run_id.map(FlowRunId);
    let details = state.details_mut();
    (details.task_run_id, details.flow_run_id) = (Some(id), flow_run_id);
    details.cache_expiration = new.cache_expiration.map(|time| time.0).or(details.cache_expiration);
    let mut times = RunTimes::new(state.scheduled_time().unwrap_or(now));
    times.enter_client_state(None, &state, true);
    let run = TaskRun {
        id,
        flow_run_id,
        attempt: 0,
        task_key: new.task_key.into(),
        dynamic_key: new.dynamic_key,
        name: if new.name.is_empty() { flowcore::made_up_name(app.clock.random()) } else { new.name },
        task_version: new.task_version.map(Into::into),
        tags: new.tags,
        inputs_digest: None,
        task_inputs: new.task_inputs,
        empirical_policy: RetryPolicy::from(&new.empirical_policy),
        cache_key: new.cache_key,
        times,
        state,
        labels,
        created: Some(now),
    };
    app.store.observe_task_runs(vec![run.clone()]).await?;
    app.deliveries.tell(&run);
    Ok((StatusCode::CREATED, Json(TaskRunBody::new(&run, now))))
}

/// Proposes a state, and tells what became of it.
async fn set_state(
    State(app): State<App>,
    Id(id): Id,
    Body(body): Body<SetState>,
) -> Result<(StatusCode, Json<OrchestrationResult>), ApiError> {
    let unknown = || ApiError::Unknown(format!("Task run with id {id} not found"));
    let mut run = find_some(&app, id).await?.ok_or_else(unknown)?;
    let now = app.now();
    let mut state = body.state.into_state(StateId(app.clock.uuid()), now);
    let details = state.details_mut();
    (details.task_run_id, details.flow_run_id) = (Some(run.id), run.flow_run_id);
    if state.kind == StateType::Scheduled && state.scheduled_time().is_none() {
        state = state.scheduled_for(now);
    }
    let cached = cached_task_runs::find(&app, &state).await?;
    // Judged anew if somebody else has moved the run meanwhile.
    let (decision, next, moved) = loop {
        let flow_run = match run.flow_run_id {
            Some(id) => app.store.flow_run(id).await?,
            None => None,
        };
        let (decision, next) =
            app.orchestrator.judge_client_task_run(&run, flow_run.as_ref(), cached.as_ref(), state.clone(), body.force);
        if next.state.id == run.state.id {
            break (decision, next, false);
        }
        let mut slots = TagSlots::Had;
        if next.state.kind == StateType::Running && !body.force {
            slots = take_tag_slots(&app, &run).await?;
            if let Some(refusal) = slots.refusal() {
                return Ok((StatusCode::OK, Json(refused(refusal, &run.state))));
            }
        }
        let stands = match app.store.swap_task_run(next.clone(), run.state.id).await? {
            Swap::Applied => {
                if !has_slots(next.state.kind) {
                    give_tag_slots_back(&app, &run).await?;
                }
                break (decision, next, true);
            }
            Swap::Conflict(stands) => Some(*stands),
            Swap::Missing => None,
        };
        // Unless another request has let the run begin with them.
        let begun = stands.as_ref().is_some_and(|stands| has_slots(stands.state.kind));
        if matches!(slots, TagSlots::Taken) && !begun {
            give_tag_slots_back(&app, &run).await?;
        }
        run = stands.ok_or_else(unknown)?;
    };
    if let Decision::Accept(state) = &decision {
        cached_task_runs::keep(&app, state).await?;
        keep_result(&app, state, run.flow_run_id, Some(run.id)).await?;
    }
    let status = if moved { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(decided(&decision, &next.state, now))))
}

/// Tells whether a task run in such a state has slots of its tags.
fn has_slots(kind: StateType) -> bool {
    matches!(kind, StateType::Running | StateType::Cancelling)
}

async fn count(State(app): State<App>, Body(objects): Body<Objects>) -> Result<Json<u64>, ApiError> {
    Ok(Json(app.store.count(Table::TASK_RUNS, &objects.of_task_runs()).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: TaskRunSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<TaskRunBody>>, ApiError> {
    let page = list.paging.page()?;
    let selection = Selection { condition: list.objects.of_task_runs(), sort: list.sort.columns(), page };
    let (runs, now) = (app.store.select_task_runs(&selection).await?, app.now());
    Ok(Json(runs.iter().map(|run| TaskRunBody::new(run, now)).collect()))
}

#[derive(Deserialize, JsonSchema)]
struct Paginate {
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: TaskRunSort,
    #[serde(flatten)]
    pages: Pages,
}

async fn paginate(
    State(app): State<App>,
    Body(asked): Body<Paginate>,
) -> Result<Json<Paginated<TaskRunBody>>, ApiError> {
    let (page, condition) = (asked.pages.page()?, asked.objects.of_task_runs());
    let count = app.store.count(Table::TASK_RUNS, &condition).await?;
    let selection = Selection { condition, sort: asked.sort.columns(), page };
    let (runs, now) = (app.store.select_task_runs(&selection).await?, app.now());
    Ok(Json(asked.pages.answer(page, count, runs.iter().map(|run| TaskRunBody::new(run, now)).collect())))
}

async fn runs_by_time(State(app): State<App>, Body(asked): Body<Asked>) -> Result<Json<Vec<Interval>>, ApiError> {
    let condition = asked.objects.of_task_runs();
    let by = task_run::EXPECTED_START_TIME;
    Ok(Json(history::history(&app, Table::TASK_RUNS, by, &asked, &condition).await?))
}

async fn update(State(app): State<App>, Id(id): Id, Body(update): Body<TaskRunUpdate>) -> Result<StatusCode, ApiError> {
    const NOT_FOUND: ApiError = ApiError::NotFound("Task run not found");
    let Some(name) = update.name else {
        return find_some(&app, id).await?.map(|_| StatusCode::NO_CONTENT).ok_or(NOT_FOUND);
    };
    let renamed = app.store.records().transact::<_, ApiError, _>(move |tx| {
        let change = vec![(task_run::NAME, Cell::from(&name))];
        Box::pin(async move { Ok(tx.update(Table::TASK_RUNS, change, task_run::ID.is(id)).await?) })
    });
    if renamed.await? == 0 { Err(NOT_FOUND) } else { Ok(StatusCode::NO_CONTENT) }
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let run = find_some(&app, id).await?.ok_or(NOT_FOUND)?;
    if !app.store.delete_task_run(run.id).await? {
        return Err(NOT_FOUND);
    }
    give_tag_slots_back(&app, &run).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<TaskRunBody>, ApiError> {
    Ok(Json(TaskRunBody::new(&find(&app, id).await?, app.now())))
}

pub(super) async fn find(app: &App, id: Uuid) -> Result<TaskRun, ApiError> {
    find_some(app, id).await?.ok_or(NOT_FOUND)
}

/// Finds a task run, if there is one.
pub(super) async fn find_some(app: &App, id: Uuid) -> Result<Option<TaskRun>, ApiError> {
    first(app, Condition::Column(task_run::ID, Test::OneOf(Values::Ids(vec![id])))).await
}

async fn first(app: &App, condition: Condition) -> Result<Option<TaskRun>, ApiError> {
    let selection = Selection { condition, sort: Vec::new(), page: Page::first(1) };
    Ok(app.store.select_task_runs(&selection).await?.pop())
}
