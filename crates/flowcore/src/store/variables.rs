//! Keeping variables.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{Variable, VariableFilter};

/// What a variable that is put takes over from the new one where its name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// The value.
    Value,
    /// The value and the tags.
    ValueAndTags,
}

/// A place for variables, one of each name.
#[async_trait]
pub trait VariableStore: Send + Sync + 'static {
    /// Keeps a variable and gives it as it is then. Where its name is taken, the variable of that name gets `updated` and
    /// what `replace` says, and keeps the rest; without `replace` nothing happens, and `None` tells so.
    async fn put_variable(&self, variable: Variable, replace: Option<Replace>) -> Result<Option<Variable>, StoreError>;

    /// Deletes a variable. Tells whether there was one.
    async fn delete_variable(&self, name: &str) -> Result<bool, StoreError>;

    /// Lists variables.
    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, StoreError>;
}
