//! Artifacts, and what those of one key have come to.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flowcore::model;
use flowcore::store::query::{Condition, Selection};
use flowcore::store::records::Record;
use flowcore::wire::{ArtifactBody, ArtifactCollectionBody, ArtifactCreate, ArtifactUpdate};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::artifacts::{Artifact, ID, KEY, LATEST, keep};
use crate::error::ApiError;
use crate::extract::{Body, Id, Paging, or_default};
use crate::filter::{ArtifactCollectionFilter, ArtifactFilter, ArtifactSort, Objects};
use crate::routes::{Routes, op};
use crate::state::App;

const NOT_FOUND: ApiError = ApiError::NotFound("Artifact not found.");

pub(super) fn routes() -> Routes {
    Routes::new(&["Artifacts"])
        .post("/artifacts/", op("create_artifact", create))
        .post("/artifacts/filter", op("read_artifacts", list))
        .post("/artifacts/count", op("count_artifacts", count))
        .post("/artifacts/latest/filter", op("read_latest_artifacts", list_latest))
        .post("/artifacts/latest/count", op("count_latest_artifacts", count_latest))
        .get("/artifacts/{id}", op("read_artifact", read))
        .patch("/artifacts/{id}", op("update_artifact", update))
        .delete("/artifacts/{id}", op("delete_artifact", delete))
        .get("/artifacts/{key}/latest", op("read_latest_artifact", read_latest))
}

async fn create(
    State(app): State<App>,
    Body(new): Body<ArtifactCreate>,
) -> Result<(StatusCode, Json<ArtifactBody>), ApiError> {
    if let Some(key) = new.key.as_ref().filter(|key| !key.is_empty() && !model::Artifact::is_key(key)) {
        let why = format!("`{key}` cannot be an artifact's key: use lower case letters, digits and dashes");
        return Err(ApiError::invalid("value_error", &["key".into()], why, serde_json::json!(new)));
    }
    let now = app.now();
    let artifact = Artifact {
        id: app.clock.uuid(),
        key: new.key,
        kind: new.kind,
        description: new.description,
        data: new.data.unwrap_or_default(),
        metadata: new.metadata_,
        flow_run_id: new.flow_run_id,
        task_run_id: new.task_run_id,
        created: now,
        updated: now,
    };
    keep(&app, artifact.clone()).await?;
    Ok((StatusCode::CREATED, Json(artifact.into())))
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    artifacts: Option<ArtifactFilter>,
    #[serde(flatten)]
    objects: Objects,
}

async fn count(State(app): State<App>, Body(count): Body<Count>) -> Result<Json<u64>, ApiError> {
    let condition = count.artifacts.unwrap_or_default().condition().and(count.objects.of_artifacts());
    Ok(Json(app.store.records().count(Artifact::TABLE, &condition).await?))
}

#[derive(Deserialize, JsonSchema)]
struct List {
    artifacts: Option<ArtifactFilter>,
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: ArtifactSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list(State(app): State<App>, Body(list): Body<List>) -> Result<Json<Vec<ArtifactBody>>, ApiError> {
    let page = list.paging.page()?;
    let condition = list.artifacts.unwrap_or_default().condition().and(list.objects.of_artifacts());
    let selection = Selection { condition, sort: list.sort.columns(), page };
    let found = app.store.records().list::<Artifact>(&selection).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

#[derive(Deserialize, JsonSchema)]
struct CountLatest {
    artifacts: Option<ArtifactCollectionFilter>,
    #[serde(flatten)]
    objects: Objects,
}

async fn count_latest(State(app): State<App>, Body(count): Body<CountLatest>) -> Result<Json<u64>, ApiError> {
    let chosen = count.artifacts.unwrap_or_default().condition().and(count.objects.of_artifacts());
    Ok(Json(app.store.records().count(Artifact::TABLE, &chosen.and(LATEST)).await?))
}

#[derive(Deserialize, JsonSchema)]
struct ListLatest {
    artifacts: Option<ArtifactCollectionFilter>,
    #[serde(flatten)]
    objects: Objects,
    #[serde(default, deserialize_with = "or_default")]
    sort: ArtifactSort,
    #[serde(flatten)]
    paging: Paging,
}

async fn list_latest(
    State(app): State<App>,
    Body(list): Body<ListLatest>,
) -> Result<Json<Vec<ArtifactCollectionBody>>, ApiError> {
    let page = list.paging.page()?;
    let chosen = list.artifacts.unwrap_or_default().condition().and(list.objects.of_artifacts());
    let selection = Selection { condition: chosen.and(LATEST), sort: list.sort.columns(), page };
    let found = app.store.records().list::<Artifact>(&selection).await?;
    Ok(Json(found.into_iter().map(Artifact::into_collection).collect()))
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Json<ArtifactBody>, ApiError> {
    find(&app, ID.is(id)).await
}

async fn read_latest(State(app): State<App>, Path(key): Path<String>) -> Result<Json<ArtifactBody>, ApiError> {
    find(&app, KEY.is(key).and(LATEST)).await
}

async fn find(app: &App, which: Condition) -> Result<Json<ArtifactBody>, ApiError> {
    let found = app.store.records().first::<Artifact>(which).await?.ok_or(NOT_FOUND)?;
    Ok(Json(found.into()))
}

async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(update): Body<ArtifactUpdate>,
) -> Result<StatusCode, ApiError> {
    let now = app.now();
    let (changed, latest) = app
        .store
        .records()
        .transact(move |tx| {
            let update = update.clone();
            Box::pin(async move {
                let mut artifact = tx.lock_first::<Artifact>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
                artifact.data = update.data.unwrap_or(artifact.data);
                artifact.description = update.description.or(artifact.description);
                artifact.metadata = update.metadata_.or(artifact.metadata);
                artifact.updated = now;
                tx.put(&artifact).await?;
                let latest = tx.first::<Artifact>(ID.is(id).and(LATEST)).await?.is_some();
                Ok::<_, ApiError>((artifact, latest))
            })
        })
        .await?;
    if latest {
        app.events.emit(changed.collection_event("updated"));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let (deleted, latest, next) = app
        .store
        .records()
        .transact(move |tx| {
            Box::pin(async move {
                let artifact = tx.lock_first::<Artifact>(ID.is(id)).await?.ok_or(NOT_FOUND)?;
                let latest = tx.first::<Artifact>(ID.is(id).and(LATEST)).await?.is_some();
                tx.delete(Artifact::TABLE, ID.is(id)).await?;
                let next = match &artifact.key {
                    Some(key) => tx.first::<Artifact>(KEY.is(key).and(LATEST)).await?,
                    None => None,
                };
                Ok::<_, ApiError>((artifact, latest, next))
            })
        })
        .await?;
    // What the key has come to is now an earlier artifact, or nothing any more.
    if latest {
        app.events
            .emit(next.map_or_else(|| deleted.collection_event("deleted"), |next| next.collection_event("updated")));
    }
    Ok(StatusCode::NO_CONTENT)
}
