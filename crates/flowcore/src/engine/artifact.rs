//! Artifacts: what a run shows to people.

use serde::Serialize;
use serde_json::Value;

use super::current::keep_artifact;
use super::error::Error;
use crate::model::{ArtifactId, ArtifactKind};

/// An artifact to be kept: make one, say more of it, and [`save`](NewArtifact::save) it.
///
/// ```
/// # async fn example() -> flowcore::Result<()> {
/// flowcore::artifact::markdown("# 3 of 4 sources answered").key("sources").save().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an artifact is kept when it is saved"]
pub struct NewArtifact {
    kind: ArtifactKind,
    key: Option<String>,
    description: Option<String>,
    data: Result<Value, String>,
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
        serde_json::to_string(rows).map(Value::String).map_err(|error| error.to_string()),
    )
}

/// Makes an artifact of a progress in percent, from 0 to 100.
pub fn progress(percent: f64) -> NewArtifact {
    let data = if (0.0..=100.0).contains(&percent) {
        Ok(Value::from(percent))
    } else {
        Err(format!("a progress is from 0 to 100 percent, not {percent}"))
    };
    NewArtifact::new(ArtifactKind::Progress, data)
}

/// Makes an artifact of an image at this address.
pub fn image(address: impl Into<String>) -> NewArtifact {
    NewArtifact::new(ArtifactKind::Image, Ok(Value::String(address.into())))
}

impl NewArtifact {
    fn new(kind: ArtifactKind, data: Result<Value, String>) -> Self {
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

    /// Keeps the artifact under the run around this code.
    ///
    /// # Errors
    ///
    /// The key has other characters than lower case letters, digits and dashes, the data cannot be shown as JSON, or
    /// the store fails.
    pub async fn save(self) -> Result<ArtifactId, Error> {
        if let Some(key) = &self.key {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if key.is_empty() || !key.chars().all(fits) {
                let message = format!("`{key}` is no artifact key: use lower case letters, digits and dashes");
                return Err(Error::msg(message).retriable(false));
            }
        }
        let data = self.data.map_err(|error| Error::msg(format!("the artifact cannot be kept: {error}")))?;
        keep_artifact(self.kind, self.key, self.description, data).await
    }
}
