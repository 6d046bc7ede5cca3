//! Artifacts: the store's face to them, and their question.

use async_trait::async_trait;

use crate::model::{
    Artifact, ArtifactFilter, ArtifactId, ArtifactKind, ArtifactOrder, ArtifactSelector, ArtifactUpdate, FlowRunId,
    TaskRunId, Timestamp,
};
use crate::store::{ArtifactStore, StoreError};

use super::dialect::Dialect;
use super::driver::Statement;
use super::rows::{ARTIFACT_COLUMNS, OF_KNOWN_KIND, artifact};
use super::select::{Select, ids, names};
use super::store::SqlStore;

#[async_trait]
impl ArtifactStore for SqlStore {
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), StoreError> {
        self.writer.submit(|batch| &mut batch.artifacts, artifact, 1).await
    }

    async fn update_artifact(
        &self,
        id: ArtifactId,
        update: ArtifactUpdate,
        now: Timestamp,
    ) -> Result<Option<Artifact>, StoreError> {
        self.writer.submit(|batch| &mut batch.artifact_updates, (id, update, now), 1).await
    }

    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, StoreError> {
        self.writer.submit(|batch| &mut batch.artifact_deletes, which.clone(), 1).await
    }

    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, StoreError> {
        self.readers.fetch(|dialect| artifacts(dialect, filter)).await?.iter().map(artifact).collect()
    }
}

fn artifacts(dialect: Dialect, filter: &ArtifactFilter) -> Statement {
    let mut select = Select::new(dialect, ARTIFACT_COLUMNS, "artifacts");
    select.and(OF_KNOWN_KIND);
    select.uuids("id", ids(filter.ids.as_deref(), |id: &ArtifactId| id.0).as_deref());
    select.id_range("id", filter.id_range);
    select.texts("key", names(filter.keys.as_deref()));
    select.contains("key", filter.key_like.as_deref());
    match filter.keyed {
        Some(true) => select.and("key IS NOT NULL"),
        Some(false) => select.and("key IS NULL"),
        None => {}
    }
    select.uuids("flow_run_id", ids(filter.flow_run_ids.as_deref(), |id: &FlowRunId| id.0).as_deref());
    select.uuids("task_run_id", ids(filter.task_run_ids.as_deref(), |id: &TaskRunId| id.0).as_deref());
    select.texts("type", kinds(filter.kinds.as_deref()));
    select.texts("type NOT", kinds(filter.not_kinds.as_deref()));
    if filter.latest {
        select.and(
            "key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM artifacts newer WHERE newer.key = artifacts.key \
             AND (newer.created, newer.id) > (artifacts.created, artifacts.id))",
        );
    }
    let order = match filter.order {
        ArtifactOrder::Newest => "created DESC, id DESC",
        ArtifactOrder::LastUpdated => "updated DESC, created DESC, id DESC",
        ArtifactOrder::IdReversed => "id DESC",
        // Where a NULL comes is not the same in all databases.
        ArtifactOrder::Key => "key IS NULL, key, created DESC, id DESC",
        ArtifactOrder::KeyReversed => "key IS NULL, key DESC, created DESC, id DESC",
    };
    select.page(order, filter.page)
}

fn kinds(kinds: Option<&[ArtifactKind]>) -> Option<impl Iterator<Item = &'static str>> {
    kinds.map(|kinds| kinds.iter().map(|kind| kind.as_str()))
}
