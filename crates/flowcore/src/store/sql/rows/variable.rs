//! The table `variables`.

use crate::model::{Variable, VariableId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};

use super::json::{from_json, json, micros, time};

/// The columns that [`variable`] reads, in the order in which [`encode_variable`] writes them.
pub(in crate::store::sql) const VARIABLE_COLUMNS: &str = "id, name, value, tags, created, updated";

pub(in crate::store::sql) fn encode_variable(variable: &Variable, to: &mut Arguments) {
    to.uuid(variable.id.0);
    to.text(variable.name.as_str());
    to.text(variable.value.get());
    to.owned(json(&variable.tags));
    to.int(micros(variable.created));
    to.int(micros(variable.updated));
}

pub(in crate::store::sql) fn variable(row: &Row) -> Result<Variable, StoreError> {
    Ok(Variable {
        id: VariableId(row.uuid(0)?),
        name: row.text(1)?.to_owned(),
        value: from_json(row.text(2)?)?,
        tags: from_json(row.text(3)?)?,
        created: time(row.int(4)?)?,
        updated: time(row.int(5)?)?,
    })
}
