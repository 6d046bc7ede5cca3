//! The rows.

use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use super::action::Action;
use super::trigger::Trigger;

/// An automation.
#[derive(Clone, Debug)]
pub(crate) struct Automation {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) trigger: Trigger,
    pub(crate) actions: Vec<Action>,
    pub(crate) actions_on_trigger: Vec<Action>,
    pub(crate) actions_on_resolve: Vec<Action>,
}

pub(crate) const AUTOMATIONS: Table = Table::new("automations");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const CREATED: Column = Column::new("created", Kind::Time, false);
pub(crate) const UPDATED: Column = Column::new("updated", Kind::Time, false);
pub(crate) const NAME: Column = Column::new("name", Kind::Text, false);
const DESCRIPTION: Column = Column::new("description", Kind::Text, false);
const ENABLED: Column = Column::new("enabled", Kind::Flag, false);
pub(crate) const TAGS: Column = Column::new("tags", Kind::Tags, false);
const TRIGGER: Column = Column::new("trigger_body", Kind::Json, false);
const ACTIONS: Column = Column::new("actions", Kind::Json, false);
const ACTIONS_ON_TRIGGER: Column = Column::new("actions_on_trigger", Kind::Json, false);
const ACTIONS_ON_RESOLVE: Column = Column::new("actions_on_resolve", Kind::Json, false);

impl Record for Automation {
    const TABLE: Table = AUTOMATIONS;
    const COLUMNS: &'static [Column] = &[
        ID,
        CREATED,
        UPDATED,
        NAME,
        DESCRIPTION,
        ENABLED,
        TAGS,
        TRIGGER,
        ACTIONS,
        ACTIONS_ON_TRIGGER,
        ACTIONS_ON_RESOLVE,
    ];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Automation {
            id: row.id()?,
            created: row.time()?,
            updated: row.time()?,
            name: row.text()?,
            description: row.text()?,
            enabled: row.flag()?,
            tags: row.json()?,
            trigger: row.json()?,
            actions: row.json()?,
            actions_on_trigger: row.json()?,
            actions_on_resolve: row.json()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.created.into(),
            self.updated.into(),
            self.name.clone().into(),
            self.description.clone().into(),
            self.enabled.into(),
            Value::json(&self.tags),
            Value::json(&self.trigger),
            Value::json(&self.actions),
            Value::json(&self.actions_on_trigger),
            Value::json(&self.actions_on_resolve),
        ]
    }
}
