//! The table `artifacts`.

use crate::model::{Artifact, ArtifactId, ArtifactKind, ArtifactUpdate, FlowRunId, TaskRunId, Timestamp};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`artifact`] reads.
pub(in crate::store::sql) const ARTIFACT_COLUMNS: &str =
    "id, key, type, description, data, flow_run_id, task_run_id, created, updated";

/// Holds for what is an artifact here. A server's clients may keep others, of kinds that only they know.
pub(in crate::store::sql) const OF_KNOWN_KIND: &str = "type IN ('markdown', 'table', 'progress', 'image')";

/// Keeps artifacts, or replaces those of the same ids.
pub(in crate::store::sql) static PUT_ARTIFACTS: Template = Template::new(
    "INSERT INTO artifacts (id, key, type, description, data, flow_run_id, task_run_id, created, updated) VALUES ",
    9,
    " ON CONFLICT (id) DO UPDATE SET key = excluded.key, type = excluded.type, description = excluded.description, \
     data = excluded.data, flow_run_id = excluded.flow_run_id, task_run_id = excluded.task_run_id, \
     created = excluded.created, updated = excluded.updated",
);

pub(in crate::store::sql) fn encode_artifact(artifact: &&Artifact, to: &mut Arguments) {
    to.uuid(artifact.id.0);
    to.text(artifact.key.as_deref());
    to.text(artifact.kind.as_str());
    to.text(artifact.description.as_deref());
    to.owned(json(&artifact.data));
    to.uuid(artifact.flow_run_id.map(|id| id.0));
    to.uuid(artifact.task_run_id.map(|id| id.0));
    to.int(micros(artifact.created));
    to.int(micros(artifact.updated));
}

/// Writes the id, the data, the description and the time of an update.
pub(in crate::store::sql) fn encode_artifact_update(
    id: ArtifactId,
    update: &ArtifactUpdate,
    now: Timestamp,
    to: &mut Arguments,
) {
    to.uuid(id.0);
    to.text(update.data.as_ref().map(json).as_deref());
    to.text(update.description.as_deref());
    to.int(micros(now));
}

pub(in crate::store::sql) fn artifact(row: &Row) -> Result<Artifact, StoreError> {
    let kind = row.text(2)?;
    Ok(Artifact {
        id: ArtifactId(row.uuid(0)?),
        key: row.optional_text(1)?.map(str::to_owned),
        kind: ArtifactKind::parse(kind)
            .ok_or_else(|| StoreError::Row(format!("`{kind}` is not a kind of artifact")))?,
        description: row.optional_text(3)?.map(str::to_owned),
        data: from_json(row.text(4)?)?,
        flow_run_id: row.optional_uuid(5)?.map(FlowRunId),
        task_run_id: row.optional_uuid(6)?.map(TaskRunId),
        created: time(row.int(7)?)?,
        updated: time(row.int(8)?)?,
    })
}
