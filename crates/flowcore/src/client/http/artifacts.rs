//! Artifacts over HTTP. The server names them: what this process has made is found under the id that it gave itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bodies::time;
use super::client::HttpClient;
use super::inner::Inner;
use super::reading::{any, criteria};
use crate::client::{ArtifactClient, ClientError, Repeat, Request};
use crate::model::{
    Artifact, ArtifactFilter, ArtifactId, ArtifactKind, ArtifactOrder, ArtifactSelector, ArtifactUpdate, Page,
};
use crate::wire::Moment;

/// The kinds that flowcore knows: a server also has those of others, such as results.
const KINDS: [ArtifactKind; 4] =
    [ArtifactKind::Markdown, ArtifactKind::Table, ArtifactKind::Progress, ArtifactKind::Image];

/// The server's ids of artifacts that this process has made, by its own.
#[derive(Default)]
pub(super) struct Made(Mutex<HashMap<ArtifactId, Uuid>>);

impl Made {
    fn note(&self, id: ArtifactId, theirs: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, theirs);
    }

    /// Gives the server's id: that of an artifact of another process is the server's already.
    fn theirs(&self, id: ArtifactId) -> Uuid {
        self.known(id).unwrap_or(id.0)
    }

    fn known(&self, id: ArtifactId) -> Option<Uuid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }
}

/// An artifact as a server tells it.
#[derive(Deserialize)]
struct ArtifactBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    key: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    description: Option<String>,
    data: Value,
    flow_run_id: Option<Uuid>,
    task_run_id: Option<Uuid>,
}

impl ArtifactBody {
    fn read(self) -> Option<Artifact> {
        let created = time(self.created).unwrap_or_default();
        Some(Artifact {
            id: ArtifactId(self.id),
            key: self.key,
            kind: ArtifactKind::parse(&self.kind?)?,
            description: self.description,
            data: self.data,
            flow_run_id: self.flow_run_id.map(Into::into),
            task_run_id: self.task_run_id.map(Into::into),
            created,
            updated: time(self.updated).unwrap_or(created),
        })
    }
}

impl Inner {
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), ClientError> {
        if self.made.known(artifact.id).is_some() {
            let update = ArtifactUpdate { data: Some(artifact.data), description: artifact.description };
            self.update_artifact(artifact.id, update).await?;
            return Ok(());
        }
        let body = json!({
            "key": artifact.key,
            "type": artifact.kind,
            "description": artifact.description,
            "data": artifact.data,
            "flow_run_id": artifact.flow_run_id,
            "task_run_id": artifact.task_run_id,
        });
        let request = Request::post("/artifacts/", "keep an artifact", &body).repeat(Repeat::IfUntaken);
        let made: ArtifactBody = self.server.ask(request).await?.read()?;
        self.made.note(artifact.id, made.id);
        Ok(())
    }

    async fn update_artifact(&self, id: ArtifactId, update: ArtifactUpdate) -> Result<Option<Artifact>, ClientError> {
        let path = format!("/artifacts/{}", self.made.theirs(id));
        let description = update.description.map(Value::from);
        let body = criteria([("data", update.data), ("description", description)]);
        if !self.server.ask(Request::patch(&path, "change an artifact", &body)).await?.found() {
            return Ok(None);
        }
        let changed: Option<ArtifactBody> =
            self.server.ask(Request::get(path, "read an artifact")).await?.read_if_found()?;
        Ok(changed.and_then(ArtifactBody::read).map(|artifact| Artifact { id, ..artifact }))
    }

    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, ClientError> {
        let ids = match which {
            ArtifactSelector::Id(id) => vec![self.made.theirs(*id)],
            ArtifactSelector::Key(key) => {
                let filter = ArtifactFilter { page: Page::ALL, ..ArtifactFilter::of_key(key.as_str()) };
                self.artifacts(&filter).await?.into_iter().map(|artifact| artifact.id.0).collect()
            }
        };
        let mut deleted = 0;
        for id in ids {
            let request = Request::delete(format!("/artifacts/{id}"), "delete an artifact");
            deleted += u64::from(self.server.ask(request).await?.found());
        }
        Ok(deleted)
    }

    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, ClientError> {
        let ids: Option<Vec<Uuid>> =
            filter.ids.as_ref().map(|ids| ids.iter().map(|id| self.made.theirs(*id)).collect());
        let without = filter.not_kinds.as_deref().unwrap_or_default();
        let kinds: Vec<ArtifactKind> =
            filter.kinds.as_deref().unwrap_or(&KINDS).iter().copied().filter(|kind| !without.contains(kind)).collect();
        let key = criteria([
            ("any_", filter.keys.as_ref().map(|keys| json!(keys))),
            ("like_", filter.key_like.as_ref().map(|like| json!(like))),
            ("exists_", filter.keyed.map(|keyed| json!(keyed))),
        ]);
        let id = if filter.latest { "latest_id" } else { "id" };
        let artifacts = criteria([
            (id, any(ids.as_deref())),
            ("key", (!key.is_empty()).then_some(Value::Object(key))),
            ("flow_run_id", any(filter.flow_run_ids.as_deref())),
            ("task_run_id", any(filter.task_run_ids.as_deref())),
            ("type", Some(json!({"any_": kinds}))),
        ]);
        let sort = match filter.order {
            ArtifactOrder::Newest => "CREATED_DESC",
            ArtifactOrder::LastUpdated => "UPDATED_DESC",
            ArtifactOrder::IdReversed => "ID_DESC",
            ArtifactOrder::Key => "KEY_ASC",
            ArtifactOrder::KeyReversed => "KEY_DESC",
        };
        let body = json!({"artifacts": artifacts, "sort": sort});
        let path = if filter.latest { "/artifacts/latest/filter" } else { "/artifacts/filter" };
        // The API finds no ids by their beginnings: whoever wants that looks through all.
        let page = if filter.id_range.is_some() { Page::ALL } else { filter.page };
        let found: Vec<ArtifactBody> = self.rows(path, "list artifacts", &body, page).await?;
        let found = found.into_iter().filter_map(ArtifactBody::read);
        let Some(range) = filter.id_range else { return Ok(found.collect()) };
        let found = found.filter(|artifact| range.contains(artifact.id.0));
        Ok(found.skip(filter.page.offset as usize).take(filter.page.limit as usize).collect())
    }
}

#[async_trait]
impl ArtifactClient for HttpClient {
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), ClientError> {
        self.on_thread(|inner| async move { inner.put_artifact(artifact).await }).await
    }

    async fn update_artifact(&self, id: ArtifactId, update: ArtifactUpdate) -> Result<Option<Artifact>, ClientError> {
        self.on_thread(|inner| async move { inner.update_artifact(id, update).await }).await
    }

    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, ClientError> {
        let which = which.clone();
        self.on_thread(|inner| async move { inner.delete_artifacts(&which).await }).await
    }

    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.artifacts(&filter).await }).await
    }
}
