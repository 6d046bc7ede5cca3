//! The part of a client that is about artifacts.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{Artifact, ArtifactFilter, ArtifactId, ArtifactSelector, ArtifactUpdate};
use crate::orchestration::Orchestrator;

/// Keeps, changes, deletes and reads artifacts.
///
/// Programs usually do that by [`artifact`](crate::artifact).
#[async_trait]
pub trait ArtifactClient: Send + Sync + 'static {
    /// Keeps an artifact, or replaces the one of the same id.
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), ClientError>;

    /// Changes an artifact, and gives it as it is then; `None` if there is none of this id.
    async fn update_artifact(&self, id: ArtifactId, update: ArtifactUpdate) -> Result<Option<Artifact>, ClientError>;

    /// Deletes artifacts; tells how many there were.
    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, ClientError>;

    /// Lists artifacts.
    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, ClientError>;
}

#[async_trait]
impl ArtifactClient for Orchestrator {
    async fn put_artifact(&self, artifact: Artifact) -> Result<(), ClientError> {
        Ok(self.store().put_artifact(artifact).await?)
    }

    async fn update_artifact(&self, id: ArtifactId, update: ArtifactUpdate) -> Result<Option<Artifact>, ClientError> {
        Ok(self.store().update_artifact(id, update, self.clock().now()).await?)
    }

    async fn delete_artifacts(&self, which: &ArtifactSelector) -> Result<u64, ClientError> {
        Ok(self.store().delete_artifacts(which).await?)
    }

    async fn artifacts(&self, filter: &ArtifactFilter) -> Result<Vec<Artifact>, ClientError> {
        Ok(self.store().artifacts(filter).await?)
    }
}
