//! Artifacts: their rows, and the store's face to them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::model::{Artifact, ArtifactFilter, ArtifactId, ArtifactOrder, ArtifactSelector, ArtifactUpdate, Timestamp};
use crate::store::{ArtifactStore, StoreError};

use super::MemoryStore;
use super::select::{contains, cut, one_of, within};
use super::tables::Tables;

impl Tables {
    fn update_artifact(&mut self, id: ArtifactId, update: ArtifactUpdate, now: Timestamp) -> Option<Artifact> {
        let artifact = self.artifacts.get_mut(&id)?;
        if let Some(data) = update.data {
            artifact.data = data;
        }
        if let Some(description) = update.description {
            artifact.description = Some(description);
        }
        artifact.updated = now;
        Some(artifact.clone())
    }

    fn delete_artifacts(&mut self, which: &ArtifactSelector) -> u64 {
        let before = self.artifacts.len();
        match which {
            ArtifactSelector::Id(id) => drop(self.artifacts.remove(id)),
            ArtifactSelector::Key(key) => self.artifacts.retain(|_, artifact| artifact.key.as_ref() != Some(key)),
        }
        (before - self.artifacts.len()) as u64
    }

    fn select_artifacts(&self, filter: &ArtifactFilter) -> Vec<Artifact> {
        let latest = self.latest_artifacts();
        let is_latest = |artifact: &Artifact| {
            artifact.key.as_deref().is_some_and(|key| latest.get(key) == Some(&(artifact.created, artifact.id)))
        };
        let selected = |artifact: &&Artifact| {
            one_of(filter.ids.as_deref(), &artifact.id)
                && within(filter.id_range, artifact.id.0)
                && is_one_of(filter.keys.as_deref(), artifact.key.as_ref())
                && (filter.key_like.is_none()
                    || artifact.key.as_deref().is_some_and(|key| contains(filter.key_like.as_deref(), key)))
                && filter.keyed.is_none_or(|keyed| artifact.key.is_some() == keyed)
                && is_one_of(filter.flow_run_ids.as_deref(), artifact.flow_run_id.as_ref())
                && is_one_of(filter.task_run_ids.as_deref(), artifact.task_run_id.as_ref())
                && one_of(filter.kinds.as_deref(), &artifact.kind)
                && filter.not_kinds.as_ref().is_none_or(|kinds| !kinds.contains(&artifact.kind))
                && (!filter.latest || is_latest(artifact))
        };
        let mut artifacts: Vec<&Artifact> = self.artifacts.values().filter(selected).collect();
        artifacts.sort_by_key(|artifact| Reverse((artifact.created, artifact.id)));
        match filter.order {
            ArtifactOrder::Newest => {}
            ArtifactOrder::LastUpdated => artifacts.sort_by_key(|artifact| Reverse(artifact.updated)),
            ArtifactOrder::IdReversed => artifacts.sort_by_key(|artifact| Reverse(artifact.id)),
            ArtifactOrder::Key => artifacts.sort_by_key(|artifact| (artifact.key.is_none(), artifact.key.as_deref())),
            ArtifactOrder::KeyReversed => artifacts.sort_by_key(|artifact| Reverse(artifact.key.as_deref())),
        }
        cut(artifacts, filter.page)
    }

    /// Tells of each key which artifact is the newest.
    fn latest_artifacts(&self) -> BTreeMap<&str, (Timestamp, ArtifactId)> {
        let mut latest = BTreeMap::new();
        for artifact in self.artifacts.values() {
            if let Some(key) = artifact.key.as_deref() {
                let place = (artifact.created, artifact.id);
                let newest = latest.entry(key).or_insert(place);
                *newest = place.max(*newest);
            }
        }
        latest
    }
}

/// Tells whether a value that may be absent is among those that are wanted.
fn is_one_of<T: PartialEq>(wanted: Option<&[T]>, value: Option<&T>) -> bool {
    wanted.is_none_or(|wanted| value.is_some_and(|value| wanted.contains(value)))
}

#[async_trait]
impl ArtifactStore for MemoryStore {
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), StoreError> {
        self.with(|tables| {
            tables.artifacts.insert(artifact.id, artifact);
        })
    }

    async fn update_artifact(
        &self,
        id: ArtifactId,
        update: ArtifactUpdate,
        now: Timestamp,
    ) -> Result<Option<Artifact>, StoreError> {
        self.with(|tables| tables.update_artifact(id, update, now))
    }

    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, StoreError> {
        self.with(|tables| tables.delete_artifacts(which))
    }

    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, StoreError> {
        self.with(|tables| tables.select_artifacts(filter))
    }
}
