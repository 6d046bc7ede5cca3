//! Variables.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model::{Variable, VariableId};
use flowcore::store::query::{Condition, Selection};
use flowcore::store::records::Record;
use flowcore::wire::{VariableBody, VariableCreate, VariableUpdate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::events::NewEvent;
use crate::extract::{Body, Id, Paging, or_default};
use crate::filter::{VariableFilter, VariableSort};
use crate::routes::{Routes, op};
use crate::state::App;
use crate::variables::{ID, NAME, VariableRow};

/// How many characters a value may have, as JSON, as in Prefect.
const LONGEST_VALUE: usize = 5000;

const NOT_FOUND: ApiError = ApiError::NotFound("Variable not found.");

pub(super) fn routes() -> Routes {
    Routes::new(&["Variables"])
        .post("/variables/", op("create_variable", create).gives(StatusCode::CREATED))
        .post("/variables/filter", op("read_variables", list))
        .post("/variables/count", op("count_variables", count))
        .get("/variables/name/{name}", op("read_variable_by_name", read_by_name))
        .patch("/variables/name/{name}", op("update_variable_by_name", update_by_name))
        .delete("/variables/name/{name}", op("delete_variable_by_name", delete_by_name))
        .get("/variables/{id}", op("read_variable", read))
        .patch("/variables/{id}", op("update_variable", update))
        .delete("/variables/{id}", op("delete_variable", delete))
}

async fn create(
    State(app): State<App>,
    Body(new): Body<VariableCreate>,
) -> Result<(StatusCode, Json<VariableBody>), ApiError> {
    check_name(&new.name, &new)?;
    check_value(&new.value, &new)?;
    let now = app.now();
    let VariableCreate { name, value, tags } = new;
    let variable = Variable { id: VariableId(app.clock.uuid()), name, value, tags, created: now, updated: now };
    let name = variable.name.clone();
    let made = app.store.put_variable(variable, None).await?.ok_or_else(|| taken(&name))?;
    app.events.emit(event("created", &made));
    Ok((StatusCode::CREATED, Json(VariableBody::from(&made))))
}

/// Tells what has become of a variable.
fn event(action: &str, variable: &Variable) -> NewEvent {
    NewEvent::of(format!("prefect.variable.{action}"), format!("prefect.variable.{}", variable.id))
        .name(&variable.name)
        .payload("name", &variable.name)
        .payload("value", &variable.value)
        .payload("tags", &variable.tags)
}

fn taken(name: &str) -> ApiError {
    ApiError::Refused(StatusCode::CONFLICT, format!("A variable with the name '{name}' already exists."))
}

fn check_name(name: &str, body: &impl Serialize) -> Result<(), ApiError> {
    Variable::check_name(name)
        .map_err(|why| ApiError::invalid("value_error", &["name".into()], why.to_string(), serde_json::json!(body)))
}

fn check_value(value: &RawValue, body: &impl Serialize) -> Result<(), ApiError> {
    if value.get().chars().count() <= LONGEST_VALUE {
        return Ok(());
    }
    let why = format!("a variable's value has at most {LONGEST_VALUE} characters as JSON");
    Err(ApiError::invalid("value_error", &["value".into()], why, serde_json::json!(body)))
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    variables: Option<VariableFilter>,
}

async fn count(State(app): State<App>, Body(count): Body<Count>) -> Result<Json<u64>, ApiError> {
    let condition = count.variables.unwrap_or_default().condition();
    Ok(Json(app.store.records().count(VariableRow::TABLE, &condition).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    variables: Option<VariableFilter>,
    #[serde(default, deserialize_with = "or_default")]
    sort: VariableSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<VariableBody>>, ApiError> {
    let page = list.paging.page()?;
    let condition = list.variables.unwrap_or_default().condition();
    let selection = Selection { condition, sort: list.sort.columns(), page };
    let rows = app.store.records().list::<VariableRow>(&selection).await?;
    Ok(Json(rows.iter().map(|VariableRow(variable)| variable.into()).collect()))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<VariableBody>, ApiError> {
    read_where(&app, ID.is(id)).await
}

async fn read_by_name(State(app): State<App>, Path(name): Path<String>) -> Result<Json<VariableBody>, ApiError> {
    read_where(&app, NAME.is(name)).await
}

async fn read_where(app: &App, which: Condition) -> Result<Json<VariableBody>, ApiError> {
    let row = app.store.records().first::<VariableRow>(which).await?.ok_or(NOT_FOUND)?;
    Ok(Json(VariableBody::from(&row.0)))
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(update): Body<VariableUpdate>,
) -> Result<StatusCode, ApiError> {
    update_where(&app, ID.is(id), update).await
}

async fn update_by_name(
    State(app): State<App>,
    Path(name): Path<String>,
    Body(update): Body<VariableUpdate>,
) -> Result<StatusCode, ApiError> {
    update_where(&app, NAME.is(name), update).await
}

async fn update_where(app: &App, which: Condition, update: VariableUpdate) -> Result<StatusCode, ApiError> {
    if let Some(name) = &update.name {
        check_name(name, &update)?;
    }
    if let Some(value) = &update.value {
        check_value(value, &update)?;
    }
    let now = app.now();
    let VariableRow(changed) = app
        .store
        .records()
        .transact(move |tx| {
            let (which, update) = (which.clone(), update.clone());
            Box::pin(async move {
                let VariableRow(mut variable) = tx.lock_first(which).await?.ok_or(NOT_FOUND)?;
                if let Some(name) = update.name.filter(|name| *name != variable.name) {
                    if tx.first::<VariableRow>(NAME.is(name.as_str())).await?.is_some() {
                        return Err(taken(&name));
                    }
                    variable.name = name;
                }
                variable.value = update.value.unwrap_or(variable.value);
                variable.tags = update.tags.unwrap_or(variable.tags);
                variable.updated = now;
                let row = VariableRow(variable);
                tx.put(&row).await?;
                Ok(row)
            })
        })
        .await?;
    app.events.emit(event("updated", &changed));
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    delete_where(&app, ID.is(id)).await
}

async fn delete_by_name(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    delete_where(&app, NAME.is(name)).await
}

async fn delete_where(app: &App, which: Condition) -> Result<StatusCode, ApiError> {
    let VariableRow(deleted) = app
        .store
        .records()
        .transact(move |tx| {
            let which = which.clone();
            Box::pin(async move {
                let known = tx.lock_first::<VariableRow>(which).await?.ok_or(NOT_FOUND)?;
                tx.delete(VariableRow::TABLE, ID.is(known.0.id.0)).await?;
                Ok::<_, ApiError>(known)
            })
        })
        .await?;
    app.events.emit(event("deleted", &deleted));
    Ok(StatusCode::NO_CONTENT)
}
