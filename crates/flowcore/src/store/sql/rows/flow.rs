//! The table `flows`.

use crate::model::{Flow, FlowId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`flow`] reads.
pub(in crate::store::sql) const FLOW_COLUMNS: &str = "id, name, tags, labels, created, updated";

/// Keeps flows, and gives those that are known their new tags; returns them all.
pub(in crate::store::sql) static UPSERT_FLOWS: Template = Template::new(
    "INSERT INTO flows (id, name, tags, labels, created, updated) VALUES ",
    6,
    " ON CONFLICT (name) DO UPDATE SET tags = excluded.tags, \
     updated = CASE WHEN flows.tags = excluded.tags THEN flows.updated ELSE excluded.updated END \
     RETURNING id, name, tags, labels, created, updated",
);

pub(in crate::store::sql) fn encode_flow(flow: &&Flow, to: &mut Arguments) {
    to.uuid(flow.id.0);
    to.text(flow.name.as_str());
    to.owned(json(&flow.tags));
    to.owned(json(&flow.labels));
    to.int(micros(flow.created));
    to.int(micros(flow.updated));
}

pub(in crate::store::sql) fn flow(row: &Row) -> Result<Flow, StoreError> {
    Ok(Flow {
        id: FlowId(row.uuid(0)?),
        name: row.text(1)?.to_owned(),
        tags: from_json(row.text(2)?)?,
        labels: from_json(row.text(3)?)?,
        created: time(row.int(4)?)?,
        updated: time(row.int(5)?)?,
    })
}
