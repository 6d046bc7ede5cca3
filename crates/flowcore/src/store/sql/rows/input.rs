//! The table `flow_run_inputs`.

use serde_json::value::RawValue;

use crate::model::{FlowRunId, FlowRunInput, InputId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`input`] reads.
pub(in crate::store::sql) const INPUT_COLUMNS: &str = "id, flow_run_id, key, value, sender, created";

/// Keeps inputs; one that is known already stays.
pub(in crate::store::sql) static APPEND_INPUTS: Template = Template::new(
    "INSERT INTO flow_run_inputs (id, flow_run_id, key, value, sender, created) VALUES ",
    6,
    " ON CONFLICT (id) DO NOTHING",
);

pub(in crate::store::sql) fn encode_input(input: &&FlowRunInput, to: &mut Arguments) {
    to.uuid(input.id.0);
    to.uuid(input.flow_run_id.0);
    to.text(input.key.as_str());
    to.text(input.value.get());
    to.uuid(input.sender.map(|id| id.0));
    to.int(micros(input.created));
}

pub(in crate::store::sql) fn input(row: &Row) -> Result<FlowRunInput, StoreError> {
    Ok(FlowRunInput {
        id: InputId(row.uuid(0)?),
        flow_run_id: FlowRunId(row.uuid(1)?),
        key: row.text(2)?.to_owned(),
        value: value(row.text(3)?)?,
        sender: row.optional_uuid(4)?.map(FlowRunId),
        created: time(row.int(5)?)?,
    })
}

/// Reads a value. What a client of another kind has sent as a plain text is that text.
fn value(text: &str) -> Result<Box<RawValue>, StoreError> {
    from_json(text).or_else(|_| from_json(&json(&text)))
}
