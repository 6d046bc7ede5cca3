//! Artifacts: what runs leave for people to look at.

use serde::{Deserialize, Serialize};

use super::{ArtifactId, FlowRunId, IdRange, Page, TaskRunId, Timestamp};

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
    /// Artifacts of one key are versions of one thing, the newest of which is what it is now. See
    /// [`Artifact::is_key`].
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

impl Artifact {
    /// Tells whether artifacts can have this key: lower case letters, digits and dashes, at least one of them.
    pub fn is_key(key: &str) -> bool {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !key.is_empty() && key.chars().all(fits)
    }
}

/// What is to change of an artifact. Its key and its kind stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArtifactUpdate {
    /// The content.
    pub data: Option<serde_json::Value>,
    /// What it is about.
    pub description: Option<String>,
}

/// Names one artifact, or all versions of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactSelector {
    /// The artifact of this id.
    Id(ArtifactId),
    /// All artifacts of this key.
    Key(String),
}

impl From<ArtifactId> for ArtifactSelector {
    fn from(id: ArtifactId) -> Self {
        ArtifactSelector::Id(id)
    }
}

impl From<&str> for ArtifactSelector {
    fn from(key: &str) -> Self {
        ArtifactSelector::Key(key.to_owned())
    }
}

impl From<String> for ArtifactSelector {
    fn from(key: String) -> Self {
        ArtifactSelector::Key(key)
    }
}

/// In which order artifacts are listed. What is equal is newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArtifactOrder {
    /// The newest first: Prefect's `CREATED_DESC`.
    #[default]
    Newest,
    /// What was changed last first: `UPDATED_DESC`.
    LastUpdated,
    /// By id, the last first: `ID_DESC`.
    IdReversed,
    /// By key, those without one last: `KEY_ASC`.
    Key,
    /// By key, the last first, then those without one: `KEY_DESC`.
    KeyReversed,
}

/// Selects artifacts. An absent condition selects everything.
#[derive(Clone, Debug, Default)]
pub struct ArtifactFilter {
    /// One of these artifacts.
    pub ids: Option<Vec<ArtifactId>>,
    /// The id is in this range.
    pub id_range: Option<IdRange>,
    /// Of one of these keys.
    pub keys: Option<Vec<String>>,
    /// The key contains this.
    pub key_like: Option<String>,
    /// Whether it has a key.
    pub keyed: Option<bool>,
    /// Made in one of these flow runs.
    pub flow_run_ids: Option<Vec<FlowRunId>>,
    /// Made in one of these task runs.
    pub task_run_ids: Option<Vec<TaskRunId>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<ArtifactKind>>,
    /// Of none of these kinds.
    pub not_kinds: Option<Vec<ArtifactKind>>,
    /// Only the newest of its key. One without a key is none.
    pub latest: bool,
    /// Which come first.
    pub order: ArtifactOrder,
    /// Rows to return.
    pub page: Page,
}

impl ArtifactFilter {
    /// Selects all versions of a key, the newest first.
    pub fn of_key(key: impl Into<String>) -> Self {
        ArtifactFilter { keys: Some(vec![key.into()]), ..ArtifactFilter::default() }
    }

    /// Selects an artifact.
    pub fn of_id(id: ArtifactId) -> Self {
        ArtifactFilter { ids: Some(vec![id]), ..ArtifactFilter::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lower_case_words() {
        assert!(["a", "report-2", "-"].iter().all(|key| Artifact::is_key(key)));
        assert!(["", "A", "a_b", "a b", "é", "a\n"].iter().all(|key| !Artifact::is_key(key)));
    }
}
