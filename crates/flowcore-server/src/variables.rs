//! Variables as rows: the library's, in the form in which a server selects and changes them.

use flowcore::model::{Variable, VariableId};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
const VALUE: Column = Column::new("value", Kind::Json, false);
pub(crate) const TAGS: Column = Column::new("tags", Kind::Tags, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);

/// A variable in its row.
#[derive(Clone, Debug)]
pub(crate) struct VariableRow(pub(crate) Variable);

impl Record for VariableRow {
    const TABLE: Table = Table::new("variables");
    const COLUMNS: &'static [Column] = &[ID, NAME, VALUE, TAGS, CREATED, UPDATED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(VariableRow(Variable {
            id: VariableId(row.id()?),
            name: row.text()?,
            value: row.json()?,
            tags: row.json()?,
            created: row.time()?,
            updated: row.time()?,
        }))
    }

    fn values(&self) -> Vec<Value> {
        let VariableRow(Variable { id, name, value, tags, created, updated }) = self;
        vec![id.0.into(), name.into(), Value::json(value), Value::json(tags), (*created).into(), (*updated).into()]
    }
}
