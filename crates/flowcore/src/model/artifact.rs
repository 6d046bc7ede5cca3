//! Artifacts: what runs leave for people to look at.

use serde::{Deserialize, Serialize};

use super::{ArtifactId, FlowRunId, TaskRunId, Timestamp};

/// What an artifact shows, which says how its data are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// Text in Markdown; also links.
    Markdown,
    /// Rows: a JSON array of objects, as text.
    Table,
    /// A number from 0 to 100.
    Progress,
    /// An image's address.
    Image,
}

impl ArtifactKind {
    /// Returns the kind as it is written on the wire: `table`.
    pub fn as_str(self) -> &'static str {
        match self {
            ArtifactKind::Markdown => "markdown",
            ArtifactKind::Table => "table",
            ArtifactKind::Progress => "progress",
            ArtifactKind::Image => "image",
        }
    }

    /// Reads what [`ArtifactKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [ArtifactKind::Markdown, ArtifactKind::Table, ArtifactKind::Progress, ArtifactKind::Image]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Something that a run shows: a table, a text, a link, a progress, an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Names the artifact.
    pub id: ArtifactId,
    /// Artifacts of one key are versions of one thing. Lower case letters, digits and dashes.
    pub key: Option<String>,
    /// What it shows.
    #[serde(rename = "type")]
    pub kind: ArtifactKind,
    /// What it is about.
    pub description: Option<String>,
    /// The content, as the kind says.
    pub data: serde_json::Value,
    /// The flow run that made it.
    pub flow_run_id: Option<FlowRunId>,
    /// The task run that made it.
    pub task_run_id: Option<TaskRunId>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
}
