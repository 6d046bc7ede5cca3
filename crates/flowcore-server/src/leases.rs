//! Leases of slots of concurrency limits, as rows: for who knows a lease's id and not its limit, or looks at all of them.

use flowcore::model::{Page, SlotHolder, SlotId, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Condition, Kind, Selection, Table, Test};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use crate::state::App;

pub(crate) const LEASES: Table = Table::new("slot_leases");
pub(crate) const EXPIRES: Column = Column::new("expires", Kind::Time, true);
const ID: Column = Column::new("id", Kind::Id, false);
const LIMIT: Column = Column::new("limit_name", Kind::Text, false);
const HOLDER: Column = Column::new("holder", Kind::Json, false);
const PROCESS_ID: Column = Column::new("process_id", Kind::Id, true);
const ACQUIRED: Column = Column::new("acquired", Kind::Time, false);

/// Slots of one limit that are taken.
pub(crate) struct Lease {
    pub(crate) id: Uuid,
    pub(crate) limit: String,
    pub(crate) holder: SlotHolder,
    pub(crate) acquired: Timestamp,
}

impl Record for Lease {
    const TABLE: Table = LEASES;
    const COLUMNS: &'static [Column] = &[ID, LIMIT, HOLDER, ACQUIRED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Lease { id: row.id()?, limit: row.text()?, holder: row.json()?, acquired: row.time()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), self.limit.clone().into(), Value::json(&self.holder), self.acquired.into()]
    }
}

/// Lists the leases that are of no process.
pub(crate) async fn of_no_process(app: &App) -> Result<Vec<Lease>, StoreError> {
    list(app, Condition::Column(PROCESS_ID, Test::IsNull(true))).await
}

/// Lists the limits that a lease is of: none if it has ended.
pub(crate) async fn limits_of_lease(app: &App, lease: SlotId) -> Result<Vec<String>, StoreError> {
    Ok(list(app, ID.is(lease.0)).await?.into_iter().map(|lease| lease.limit).collect())
}

async fn list(app: &App, condition: Condition) -> Result<Vec<Lease>, StoreError> {
    app.store.records().list(&Selection { condition, sort: Vec::new(), page: Page::ALL }).await
}
