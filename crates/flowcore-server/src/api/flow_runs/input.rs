//! What is sent to flow runs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flowcore::model::{FlowRunId, Order, Page};
use flowcore::store::query::{Condition, Selection, Test, Values};
use flowcore::store::records::Record;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::find;
use crate::error::ApiError;
use crate::extract::{Body, Id, Path};
use crate::flow_run_inputs::{CREATED, FLOW_RUN_ID, FlowRunInput, ID, KEY};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Flow run input not found");

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Runs"])
        .post("/flow_runs/{id}/input", op("create_flow_run_input", create).gives(StatusCode::CREATED))
        .post("/flow_runs/{id}/input/filter", op("filter_flow_run_input", list))
        .get("/flow_runs/{id}/input/{key}", op("read_flow_run_input", read).gives(StatusCode::OK))
        .delete("/flow_runs/{id}/input/{key}", op("delete_flow_run_input", delete))
}

#[derive(Clone, Deserialize, JsonSchema)]
struct Create {
    key: String,
    value: String,
    sender: Option<String>,
}

async fn create(State(app): State<App>, Id(id): Id, Body(body): Body<Create>) -> Result<StatusCode, ApiError> {
    find(&app, FlowRunId(id)).await?;
    keep(&app, id, body.key, body.value, body.sender).await?;
    Ok(StatusCode::CREATED)
}

/// Keeps an input under a key that is free.
pub(super) async fn keep(
    app: &App,
    run: Uuid,
    key: String,
    value: String,
    sender: Option<String>,
) -> Result<(), ApiError> {
    let input = FlowRunInput { id: app.clock.uuid(), flow_run_id: run, key, value, sender, created: app.now() };
    let kept = app.store.records().transact(move |tx| {
        let input = input.clone();
        Box::pin(async move {
            if tx.lock_first::<FlowRunInput>(of(input.flow_run_id, &input.key)).await?.is_some() {
                let why = "A flow run input with this key already exists.".to_owned();
                return Err(ApiError::Refused(StatusCode::CONFLICT, why));
            }
            Ok(tx.insert(&input).await?)
        })
    });
    kept.await
}

fn of(run: Uuid, key: &str) -> Condition {
    Condition::All(vec![FLOW_RUN_ID.is(run), KEY.is(key)])
}

#[derive(Deserialize, JsonSchema)]
struct List {
    prefix: String,
    #[serde(default = "one")]
    limit: u32,
    #[serde(default)]
    exclude_keys: Vec<String>,
}

fn one() -> u32 {
    1
}

/// An input, as answers have it.
#[derive(Serialize, JsonSchema)]
struct InputBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    flow_run_id: Uuid,
    key: String,
    value: String,
    sender: Option<String>,
}

impl From<FlowRunInput> for InputBody {
    fn from(input: FlowRunInput) -> Self {
        InputBody {
            id: input.id,
            created: Some(Moment(input.created)),
            updated: Some(Moment(input.created)),
            flow_run_id: input.flow_run_id,
            key: input.key,
            value: input.value,
            sender: input.sender,
        }
    }
}

/// Lists the inputs under keys that begin alike, oldest first.
async fn list(State(app): State<App>, Id(id): Id, Body(list): Body<List>) -> Result<Json<Vec<InputBody>>, ApiError> {
    let condition = Condition::All(vec![
        FLOW_RUN_ID.is(id),
        Condition::Column(KEY, Test::BeginsWith(list.prefix)),
        Condition::Column(KEY, Test::NoneOf(Values::Texts(list.exclude_keys))),
    ]);
    let sort = vec![(CREATED, Order::OldestFirst), (ID, Order::OldestFirst)];
    let inputs =
        app.store.records().list::<FlowRunInput>(&Selection { condition, sort, page: Page::first(list.limit) }).await?;
    Ok(Json(inputs.into_iter().map(InputBody::from).collect()))
}

/// Gives a value as it was sent.
async fn read(State(app): State<App>, Path((id, key)): Path<(Uuid, String)>) -> Result<Response, ApiError> {
    Ok(value(&app, id, &key).await?.ok_or(NOT_FOUND)?.into_response())
}

/// Finds the value under a key.
pub(super) async fn value(app: &App, run: Uuid, key: &str) -> Result<Option<String>, ApiError> {
    Ok(app.store.records().first::<FlowRunInput>(of(run, key)).await?.map(|input| input.value))
}

async fn delete(State(app): State<App>, Path((id, key)): Path<(Uuid, String)>) -> Result<StatusCode, ApiError> {
    let deleted = app.store.records().transact::<_, ApiError, _>(move |tx| {
        let which = of(id, &key);
        Box::pin(async move { Ok(tx.delete(FlowRunInput::TABLE, which).await?) })
    });
    if deleted.await? == 0 { Err(NOT_FOUND) } else { Ok(StatusCode::NO_CONTENT) }
}
