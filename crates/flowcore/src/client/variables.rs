//! The part of a client that is about variables.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{NewVariable, Variable, VariableFilter};
use crate::orchestration::Orchestrator;

/// Sets, deletes and reads variables.
///
/// Programs usually do that by [`variable`](crate::variable), which reads values as types.
#[async_trait]
pub trait VariableClient: Send + Sync + 'static {
    /// Makes a variable, or changes the one of its name if it is to be overwritten; gives it as it is then.
    async fn set_variable(&self, new: NewVariable) -> Result<Variable, ClientError>;

    /// Deletes a variable. Tells whether there was one.
    async fn delete_variable(&self, name: &str) -> Result<bool, ClientError>;

    /// Lists variables.
    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, ClientError>;
}

#[async_trait]
impl VariableClient for Orchestrator {
    async fn set_variable(&self, new: NewVariable) -> Result<Variable, ClientError> {
        Ok(Orchestrator::set_variable(self, new).await??)
    }

    async fn delete_variable(&self, name: &str) -> Result<bool, ClientError> {
        Ok(self.store().delete_variable(name).await?)
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, ClientError> {
        Ok(self.store().variables(filter).await?)
    }
}
