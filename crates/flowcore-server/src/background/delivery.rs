//! The row that says who has got a task run.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

/// A task run that a worker has got.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The task run.
    pub(super) id: Uuid,
    /// What the worker calls itself.
    pub(super) client_id: String,
    /// When it goes to another one unless this is renewed.
    pub(super) expires: Timestamp,
}

pub(super) const DELIVERIES: Table = Table::new("task_deliveries");
pub(super) const ID: Column = Column::new("id", Kind::Id, false);
pub(super) const CLIENT_ID: Column = Column::new("client_id", Kind::Text, false);
pub(super) const EXPIRES: Column = Column::new("expires", Kind::Time, false);

impl Record for Delivery {
    const TABLE: Table = DELIVERIES;
    const COLUMNS: &'static [Column] = &[ID, CLIENT_ID, EXPIRES];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Delivery { id: row.id()?, client_id: row.text()?, expires: row.time()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), self.client_id.clone().into(), self.expires.into()]
    }
}
