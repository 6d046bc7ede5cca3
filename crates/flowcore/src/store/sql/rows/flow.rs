//! The table `flows`.

use crate::model::{Flow, FlowId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`flow`] reads.
pub(in crate::store::sql) const FLOW_COLUMNS: &str = "id, name, tags, created";

/// Keeps flows, and gives those that are known their new tags; returns them all.
pub(in crate::store::sql) static UPSERT_FLOWS: Template = Template::new(
    "INSERT INTO flows (id, name, tags, created) VALUES ",
    4,
    " ON CONFLICT (name) DO UPDATE SET tags = excluded.tags RETURNING id, name, tags, created",
);

pub(in crate::store::sql) fn encode_flow(flow: &&Flow, to: &mut Arguments) {
    to.uuid(flow.id.0);
    to.text(flow.name.as_str());
    to.owned(json(&flow.tags));
    to.int(micros(flow.created));
}

pub(in crate::store::sql) fn flow(row: &Row) -> Result<Flow, StoreError> {
    Ok(Flow {
        id: FlowId(row.uuid(0)?),
        name: row.text(1)?.to_owned(),
        tags: from_json(row.text(2)?)?,
        created: time(row.int(3)?)?,
    })
}
