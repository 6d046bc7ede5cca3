//! The resources that automations name, or belong to.

use std::collections::BTreeSet;

use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use super::action::{Action, Selected};

/// A resource that an automation names, or belongs to.
#[derive(Clone, Debug)]
pub(crate) struct AutomationResource {
    pub(crate) id: Uuid,
    pub(crate) automation_id: Uuid,
    /// `prefect.deployment.ID`
    pub(crate) resource_id: String,
    /// Whether the automation belongs to it, and goes with it.
    pub(crate) owned: bool,
}

pub(crate) const RESOURCES: Table = Table::new("automation_resources");
const ID: Column = Column::new("id", Kind::Id, false);
pub(crate) const AUTOMATION_ID: Column = Column::new("automation_id", Kind::Id, false);
pub(crate) const RESOURCE_ID: Column = Column::new("resource_id", Kind::Text, false);
pub(crate) const OWNED: Column = Column::new("owned", Kind::Flag, false);

impl Record for AutomationResource {
    const TABLE: Table = RESOURCES;
    const COLUMNS: &'static [Column] = &[ID, AUTOMATION_ID, RESOURCE_ID, OWNED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(AutomationResource { id: row.id()?, automation_id: row.id()?, resource_id: row.text()?, owned: row.flag()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), self.automation_id.into(), self.resource_id.clone().into(), self.owned.into()]
    }
}

/// Lists the deployments that actions run.
pub(crate) fn named(actions: &[Action]) -> BTreeSet<String> {
    let runs = actions.iter().filter_map(|action| match action {
        Action::RunDeployment(run) if run.source == Selected::Selected => run.deployment_id,
        _ => None,
    });
    runs.map(|id| format!("prefect.deployment.{id}")).collect()
}
