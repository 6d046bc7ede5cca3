//! What is sent to flow runs, as Prefect's clients send it: one value under a key.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

/// How Prefect's clients call a flow run that sends something.
const FLOW_RUN: &str = "prefect.flow-run.";

/// An input.
#[derive(Clone, Debug)]
pub(crate) struct FlowRunInput {
    pub(crate) id: Uuid,
    pub(crate) flow_run_id: Uuid,
    pub(crate) key: String,
    /// Mostly JSON, as a text.
    pub(crate) value: String,
    pub(crate) sender: Option<String>,
    pub(crate) created: Timestamp,
}

pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const FLOW_RUN_ID: Column = Column::new("flow_run_id", Kind::Id, false);
pub(crate) const KEY: Column = Column::new("key", Kind::Text, false);
pub(crate) const VALUE: Column = Column::new("value", Kind::Text, false);
pub(crate) const SENDER: Column = Column::new("sender", Kind::Id, true);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const SENT_BY: Column = Column::new("sent_by", Kind::Text, true);

impl Record for FlowRunInput {
    const TABLE: Table = Table::new("flow_run_inputs");
    const COLUMNS: &'static [Column] = &[ID, FLOW_RUN_ID, KEY, VALUE, SENDER, CREATED, SENT_BY];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (id, flow_run_id, key, value) = (row.id()?, row.id()?, row.text()?, row.text()?);
        let (sender, created) = (row.optional_id()?, row.time()?);
        let sent_by = row.optional_text()?;
        let sender = sent_by.or_else(|| sender.map(|id| format!("{FLOW_RUN}{id}")));
        Ok(FlowRunInput { id, flow_run_id, key, value, sender, created })
    }

    fn values(&self) -> Vec<Value> {
        // The flow run that sent it is what our own programs ask for; whoever else did is a text.
        let run = self.sender.as_deref().and_then(|sender| sender.strip_prefix(FLOW_RUN)?.parse::<Uuid>().ok());
        let sent_by = self.sender.clone().filter(|_| run.is_none());
        vec![
            self.id.into(),
            self.flow_run_id.into(),
            (&self.key).into(),
            (&self.value).into(),
            run.into(),
            self.created.into(),
            sent_by.into(),
        ]
    }
}
