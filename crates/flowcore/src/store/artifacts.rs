//! Keeping artifacts.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{Artifact, ArtifactFilter, ArtifactId, ArtifactSelector, ArtifactUpdate, Timestamp};

/// A place for artifacts. Those of a flow run go with it when it is deleted.
///
/// The newest version of a key is the one that was made last; of those made at one time, the one of the greatest id.
#[async_trait]
pub trait ArtifactStore: Send + Sync + 'static {
    /// Keeps an artifact, or replaces the one of the same id.
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), StoreError>;

    /// Changes an artifact at `now`, and gives it as it is then; `None` if there is none of this id.
    async fn update_artifact(
        &self,
        id: ArtifactId,
        update: ArtifactUpdate,
        now: Timestamp,
    ) -> Result<Option<Artifact>, StoreError>;

    /// Deletes artifacts; tells how many there were.
    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, StoreError>;

    /// Lists artifacts. Whether one is the latest of its key is not for the other conditions to say: the newest version is
    /// listed if they select it, and no other is in its place.
    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, StoreError>;
}
