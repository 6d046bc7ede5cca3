//! Artifacts as rows, also those of kinds that only their makers know.

use std::collections::BTreeMap;

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Relation, Table, flow_run, task_run};
use flowcore::store::records::{Record, Row, Value};
use flowcore::wire::{ArtifactBody, ArtifactCollectionBody};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::events::NewEvent;
use crate::state::App;

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const KEY: Column = Column::new("key", Kind::Text, true);
pub(crate) const TYPE: Column = Column::new("type", Kind::Text, true);
const DESCRIPTION: Column = Column::new("description", Kind::Text, true);
const DATA: Column = Column::new("data", Kind::Json, false);
const METADATA: Column = Column::new("metadata", Kind::Json, true);
pub(crate) const FLOW_RUN_ID: Column = Column::new("flow_run_id", Kind::Id, true);
pub(crate) const TASK_RUN_ID: Column = Column::new("task_run_id", Kind::Id, true);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);

/// The flow run that made an artifact.
pub(crate) const FLOW_RUN: Relation = Relation::new(FLOW_RUN_ID, Table::FLOW_RUNS, flow_run::ID);
/// The task run that made an artifact.
pub(crate) const TASK_RUN: Relation = Relation::new(TASK_RUN_ID, Table::TASK_RUNS, task_run::ID);
/// The newest artifact of its key.
pub(crate) const LATEST: Condition = Condition::Newest { table: Artifact::TABLE, key: KEY, time: CREATED };

/// Something that a run shows.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) id: Uuid,
    pub(crate) key: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) description: Option<String>,
    /// `null` is none.
    pub(crate) data: Json,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) flow_run_id: Option<Uuid>,
    pub(crate) task_run_id: Option<Uuid>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

impl Record for Artifact {
    const TABLE: Table = Table::new("artifacts");
    const COLUMNS: &'static [Column] =
        &[ID, KEY, TYPE, DESCRIPTION, DATA, METADATA, FLOW_RUN_ID, TASK_RUN_ID, CREATED, UPDATED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Artifact {
            id: row.id()?,
            key: row.optional_text()?,
            kind: row.optional_text()?,
            description: row.optional_text()?,
            data: row.json()?,
            metadata: row.optional_json()?,
            flow_run_id: row.optional_id()?,
            task_run_id: row.optional_id()?,
            created: row.time()?,
            updated: row.time()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.key.clone().into(),
            self.kind.clone().into(),
            self.description.clone().into(),
            Value::json(&self.data),
            Value::optional_json(self.metadata.as_ref()),
            self.flow_run_id.into(),
            self.task_run_id.into(),
            self.created.into(),
            self.updated.into(),
        ]
    }
}

impl From<Artifact> for ArtifactBody {
    fn from(artifact: Artifact) -> Self {
        ArtifactBody {
            id: artifact.id,
            created: Some(artifact.created.into()),
            updated: Some(artifact.updated.into()),
            key: artifact.key,
            kind: artifact.kind,
            description: artifact.description,
            data: Some(artifact.data),
            metadata_: artifact.metadata,
            flow_run_id: artifact.flow_run_id,
            task_run_id: artifact.task_run_id,
        }
    }
}

impl Artifact {
    /// Gives the id of what the artifacts of its key have come to, which stays whichever of them is the newest.
    fn collection_id(&self) -> Uuid {
        let digest = Sha256::digest(format!("artifacts of {}", self.key.as_deref().unwrap_or_default()));
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// Tells what has become of the key of which this is the newest artifact.
    pub(crate) fn collection_event(&self, action: &str) -> NewEvent {
        let resource = format!("prefect.artifact-collection.{}", self.collection_id());
        let mut event = NewEvent::of(format!("prefect.artifact-collection.{action}"), resource)
            .name(self.key.as_deref().unwrap_or_default())
            .related(format!("prefect.artifact.{}", self.id), "latest", None)
            .payload("key", &self.key)
            .payload("type", &self.kind)
            .payload("data", &self.data)
            .payload("description", &self.description);
        if let Some(id) = self.flow_run_id {
            event = event.related(format!("prefect.flow-run.{id}"), "flow-run", None);
        }
        if let Some(id) = self.task_run_id {
            event = event.related(format!("prefect.task-run.{id}"), "task-run", None);
        }
        event
    }

    /// Tells of the newest artifact of a key what the key has come to.
    pub(crate) fn into_collection(self) -> ArtifactCollectionBody {
        ArtifactCollectionBody {
            id: self.collection_id(),
            created: Some(self.created.into()),
            updated: Some(self.updated.into()),
            key: self.key.unwrap_or_default(),
            latest_id: self.id,
            kind: self.kind,
            description: self.description,
            data: Some(self.data),
            metadata_: self.metadata,
            flow_run_id: self.flow_run_id,
            task_run_id: self.task_run_id,
        }
    }
}

/// Keeps a new artifact, and tells what its key has come to by it.
pub(crate) async fn keep(app: &App, artifact: Artifact) -> Result<(), StoreError> {
    let kept = artifact.clone();
    let work = app.store.records().transact(move |tx| {
        let kept = kept.clone();
        Box::pin(async move {
            let known = match &kept.key {
                Some(key) => tx.first::<Artifact>(KEY.is(key)).await?.is_some(),
                None => false,
            };
            tx.insert(&kept).await?;
            Ok::<_, StoreError>(known)
        })
    });
    let known = work.await?;
    if artifact.key.is_some() {
        app.events.emit(artifact.collection_event(if known { "updated" } else { "created" }));
    }
    Ok(())
}
