//! Variables: the store's face to them, and its question.

use async_trait::async_trait;

use crate::model::{Variable, VariableFilter, VariableId, VariableOrder};
use crate::store::{Replace, StoreError, VariableStore};

use super::dialect::Dialect;
use super::driver::Statement;
use super::rows::{VARIABLE_COLUMNS, variable};
use super::select::{Select, ids, names};
use super::store::SqlStore;

#[async_trait]
impl VariableStore for SqlStore {
    async fn put_variable(&self, variable: Variable, replace: Option<Replace>) -> Result<Option<Variable>, StoreError> {
        self.writer.submit(|batch| &mut batch.variables, (variable, replace), 1).await
    }

    async fn delete_variable(&self, name: &str) -> Result<bool, StoreError> {
        self.writer.submit(|batch| &mut batch.unset_variables, name.to_owned(), 1).await
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, StoreError> {
        self.readers.fetch(|dialect| variables(dialect, filter)).await?.iter().map(variable).collect()
    }
}

fn variables(dialect: Dialect, filter: &VariableFilter) -> Statement {
    let mut select = Select::new(dialect, VARIABLE_COLUMNS, "variables");
    select.uuids("id", ids(filter.ids.as_deref(), |id: &VariableId| id.0).as_deref());
    select.texts("name", names(filter.names.as_deref()));
    select.contains("name", filter.name_like.as_deref());
    select.has_all("tags", filter.tags.as_deref());
    match filter.tagged {
        Some(true) => select.and("tags <> '[]'"),
        Some(false) => select.and("tags = '[]'"),
        None => {}
    }
    let order = match filter.order {
        VariableOrder::Name => "name",
        VariableOrder::NameReversed => "name DESC",
        VariableOrder::Newest => "created DESC, name",
        VariableOrder::LastUpdated => "updated DESC, name",
    };
    select.page(order, filter.page)
}
