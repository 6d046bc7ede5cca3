//! Artifacts: what programs show to people.
//!
//! Artifacts of one key are versions of one thing: each save is a new one, and the newest is what it is now. The content of an
//! artifact may change while it is the same version, as a progress does. An artifact belongs to the run around the code
//! that saves it, and is deleted with the flow run; outside of runs it belongs to none.
//!
//! ```
//! use flowcore::{Engine, Result, artifact, flow};
//!
//! #[flow]
//! async fn load_parts() -> Result<()> {
//!     let bar = artifact::progress(0.0).description("Loading").save().await?;
//!     for part in 1..=4 {
//!         artifact::progress(f64::from(part) * 25.0).update(bar).await?;
//!     }
//!     artifact::markdown("# 4 of 4 parts were loaded").key("load").save().await?;
//!     Ok(())
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     let engine = Engine::memory();
//!     load_parts().on(&engine).await?;
//!     load_parts().on(&engine).await?;
//!     let now = artifact::latest("load").on(&engine).await?;
//!     assert_eq!(now.map(|artifact| artifact.data), Some("# 4 of 4 parts were loaded".into()));
//!     assert_eq!(artifact::delete("load").on(&engine).await?, 2);
//!     Ok(())
//! }
//! ```

use std::future::IntoFuture;
use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;

use super::call_site::{CallSite, NoThread, awaitable};
use super::core::EngineError;
use crate::client::ClientError;
use crate::model::{Artifact, ArtifactFilter, ArtifactId, ArtifactKind, ArtifactSelector, ArtifactUpdate, Page};

/// Why an artifact was not kept, changed, deleted or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The key cannot be used.
    #[error("`{0}` is no artifact key: use lower case letters, digits and dashes")]
    Key(String),
    /// The progress cannot be.
    #[error("a progress is from 0 to 100 percent, not {0}")]
    Progress(f64),
    /// The content cannot be written as JSON.
    #[error("the artifact cannot be written as JSON: {0}")]
    Data(String),
    /// There is no such artifact to be changed.
    #[error("there is no artifact {0}: it was deleted, or its flow run was")]
    Missing(ArtifactId),
    /// The artifact that is to be changed shows something else.
    #[error("the artifact {id} is of the type {is}, and cannot become a {wanted}: save a new one")]
    Kind {
        /// Its id.
        id: ArtifactId,
        /// What it is: `table`.
        is: &'static str,
        /// What it was to become.
        wanted: &'static str,
    },
    /// An artifact keeps its key.
    #[error("an update cannot set the key of an artifact: save a new one, or leave out `.key(..)`")]
    Rekeyed,
    /// What keeps artifacts failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No thread could be had for waiting.
    #[error(transparent)]
    Thread(#[from] NoThread),
}

/// The content of an artifact: say more of it, then [`save`](NewArtifact::save) it, or [`update`](NewArtifact::update) an
/// artifact that is there.
///
/// ```
/// # async fn example() -> flowcore::Result<()> {
/// flowcore::artifact::markdown("# 3 of 4 sources answered").key("sources").save().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an artifact is kept when it is saved"]
pub struct NewArtifact {
    kind: ArtifactKind,
    key: Option<String>,
    description: Option<String>,
    data: Result<Value, ArtifactError>,
}

/// Makes an artifact of text in Markdown.
pub fn markdown(text: impl Into<String>) -> NewArtifact {
    NewArtifact::new(ArtifactKind::Markdown, Ok(Value::String(text.into())))
}

/// Makes an artifact of a link.
pub fn link(address: &str, text: &str) -> NewArtifact {
    markdown(format!("[{text}]({address})"))
}

/// Makes an artifact of rows: each is an object, whose keys are the columns.
pub fn table<T: Serialize>(rows: &[T]) -> NewArtifact {
    // Kept as text, as Prefect's clients write and read it.
    NewArtifact::new(
        ArtifactKind::Table,
        serde_json::to_string(rows).map(Value::String).map_err(|error| ArtifactError::Data(error.to_string())),
    )
}

/// Makes an artifact of a progress in percent, from 0 to 100.
pub fn progress(percent: f64) -> NewArtifact {
    let data =
        if (0.0..=100.0).contains(&percent) { Ok(Value::from(percent)) } else { Err(ArtifactError::Progress(percent)) };
    NewArtifact::new(ArtifactKind::Progress, data)
}

/// Makes an artifact of an image at this address.
pub fn image(address: impl Into<String>) -> NewArtifact {
    NewArtifact::new(ArtifactKind::Image, Ok(Value::String(address.into())))
}

/// Deletes an artifact by its id, or all versions of a key. Tells how many there were.
///
/// # Errors
///
/// Awaiting it fails when the store fails.
pub fn delete(which: impl Into<ArtifactSelector>) -> DeleteArtifacts {
    DeleteArtifacts { which: which.into(), site: CallSite::here() }
}

/// Reads the newest version of a key.
///
/// # Errors
///
/// Awaiting it fails when the store fails.
pub fn latest(key: impl Into<String>) -> LatestArtifact {
    LatestArtifact { key: key.into(), site: CallSite::here() }
}

/// Lists artifacts: the versions of a key, those of a run, the newest of each key, and others.
///
/// # Errors
///
/// Awaiting it fails when the store fails.
pub fn list(filter: ArtifactFilter) -> ListArtifacts {
    ListArtifacts { filter, site: CallSite::here() }
}

impl NewArtifact {
    fn new(kind: ArtifactKind, data: Result<Value, ArtifactError>) -> Self {
        NewArtifact { kind, key: None, description: None, data }
    }

    /// Sets the key: artifacts of one key are versions of one thing.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what the artifact is about.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Keeps the artifact under the run around this code, if there is one, and gives its id.
    ///
    /// # Errors
    ///
    /// Awaiting it fails when the key has other letters than lower case ones, digits and dashes, when the content cannot be
    /// written as JSON or is no progress, and when the store fails.
    pub fn save(self) -> SaveArtifact {
        SaveArtifact { new: self, site: CallSite::here() }
    }

    /// Gives an artifact this content instead of its own, and this description if there is one. It stays the same version.
    ///
    /// # Errors
    ///
    /// Awaiting it fails when there is no such artifact or it is of another type, when a key is set, when the content cannot
    /// be written as JSON or is no progress, and when the store fails.
    pub fn update(self, id: ArtifactId) -> UpdateArtifact {
        UpdateArtifact { id, new: self, site: CallSite::here() }
    }
}

/// A call of [`NewArtifact::save`] that has not begun.
#[must_use = "nothing is kept until the call is awaited"]
pub struct SaveArtifact {
    new: NewArtifact,
    site: CallSite,
}

/// A call of [`NewArtifact::update`] that has not begun.
#[must_use = "nothing is changed until the call is awaited"]
pub struct UpdateArtifact {
    id: ArtifactId,
    new: NewArtifact,
    site: CallSite,
}

/// A call of [`delete`] that has not begun.
#[must_use = "nothing is deleted until the call is awaited"]
pub struct DeleteArtifacts {
    which: ArtifactSelector,
    site: CallSite,
}

/// A call of [`latest`] that has not begun.
#[must_use = "nothing is read until the call is awaited"]
pub struct LatestArtifact {
    key: String,
    site: CallSite,
}

/// A call of [`list`] that has not begun.
#[must_use = "nothing is read until the call is awaited"]
pub struct ListArtifacts {
    filter: ArtifactFilter,
    site: CallSite,
}

awaitable!(SaveArtifact -> ArtifactId, ArtifactError);
awaitable!(UpdateArtifact -> Artifact, ArtifactError);
awaitable!(DeleteArtifacts -> u64, ArtifactError);
awaitable!(LatestArtifact -> Option<Artifact>, ArtifactError);
awaitable!(ListArtifacts -> Vec<Artifact>, ArtifactError);

impl SaveArtifact {
    async fn run(self) -> Result<ArtifactId, ArtifactError> {
        let NewArtifact { kind, key, description, data } = self.new;
        if let Some(key) = key.as_ref().filter(|key| !Artifact::is_key(key)) {
            return Err(ArtifactError::Key(key.clone()));
        }
        let data = data?;
        let engine = self.site.engine().await?;
        let now = engine.0.clock.now();
        let id = ArtifactId(engine.0.clock.uuid());
        let scope = &self.site.scope;
        let artifact = Artifact {
            id,
            key,
            kind,
            description,
            data,
            flow_run_id: scope.flow().map(|flow| flow.id),
            task_run_id: scope.task().map(|task| task.id),
            created: now,
            updated: now,
        };
        engine.0.client.put_artifact(artifact).await?;
        Ok(id)
    }
}

impl UpdateArtifact {
    async fn run(self) -> Result<Artifact, ArtifactError> {
        let (id, NewArtifact { kind, key, description, data }) = (self.id, self.new);
        if key.is_some() {
            return Err(ArtifactError::Rekeyed);
        }
        let update = ArtifactUpdate { data: Some(data?), description };
        let client = self.site.engine().await?.0.client.clone();
        // Its kind stays, so that it may be looked at before.
        let found = client.artifacts(&ArtifactFilter::of_id(id)).await?;
        let is = found.first().ok_or(ArtifactError::Missing(id))?.kind;
        if is != kind {
            return Err(ArtifactError::Kind { id, is: is.as_str(), wanted: kind.as_str() });
        }
        client.update_artifact(id, update).await?.ok_or(ArtifactError::Missing(id))
    }
}

impl DeleteArtifacts {
    async fn run(self) -> Result<u64, ArtifactError> {
        Ok(self.site.engine().await?.0.client.delete_artifacts(&self.which).await?)
    }
}

impl LatestArtifact {
    async fn run(self) -> Result<Option<Artifact>, ArtifactError> {
        let filter = ArtifactFilter { page: Page::first(1), ..ArtifactFilter::of_key(self.key) };
        Ok(self.site.engine().await?.0.client.artifacts(&filter).await?.pop())
    }
}

impl ListArtifacts {
    async fn run(self) -> Result<Vec<Artifact>, ArtifactError> {
        Ok(self.site.engine().await?.0.client.artifacts(&self.filter).await?)
    }
}
