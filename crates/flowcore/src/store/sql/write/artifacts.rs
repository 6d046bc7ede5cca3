//! Changes and ends of artifacts: each by itself, as each has an answer of its own.

use crate::model::{Artifact, ArtifactId, ArtifactSelector, ArtifactUpdate, Timestamp};
use crate::store::sql::batch::Entry;
use crate::store::sql::driver::{Arguments, Statement};
use crate::store::sql::failure::Failure;
use crate::store::sql::rows::{ARTIFACT_COLUMNS, OF_KNOWN_KIND, artifact, encode_artifact_update};
use crate::store::sql::transaction::Transaction;

/// Changes an artifact.
pub(super) async fn update(
    transaction: &mut Transaction<'_>,
    entry: &mut Entry<(ArtifactId, ArtifactUpdate, Timestamp), Option<Artifact>>,
) -> Result<(), Failure> {
    let (id, update, now) = &entry.change;
    let text = format!(
        "UPDATE artifacts SET data = COALESCE($2, data), description = COALESCE($3, description), updated = $4 \
         WHERE id = $1 AND {OF_KNOWN_KIND} RETURNING {ARTIFACT_COLUMNS}"
    );
    let mut arguments = Arguments::new(transaction.dialect());
    encode_artifact_update(*id, update, *now, &mut arguments);
    let outcome = transaction.run_one(Statement { text: text.into(), arguments }).await?;
    entry.answer = Some(outcome.rows.first().map(artifact).transpose()?);
    Ok(())
}

/// Deletes artifacts.
pub(super) async fn delete(
    transaction: &mut Transaction<'_>,
    entry: &mut Entry<ArtifactSelector, u64>,
) -> Result<(), Failure> {
    let mut arguments = Arguments::new(transaction.dialect());
    let text = match &entry.change {
        ArtifactSelector::Id(id) => {
            arguments.uuid(id.0);
            "DELETE FROM artifacts WHERE id = $1"
        }
        ArtifactSelector::Key(key) => {
            arguments.text(key.as_str());
            "DELETE FROM artifacts WHERE key = $1"
        }
    };
    entry.answer = Some(transaction.run_one(Statement { text: text.into(), arguments }).await?.affected);
    Ok(())
}
