//! Variables over a store: which may be set.

use super::Orchestrator;
use crate::model::{NewVariable, Variable, VariableId, VariableRefusal};
use crate::store::{Replace, StoreError};

impl Orchestrator {
    /// Makes a variable, or changes the one of its name if it is to be overwritten.
    pub async fn set_variable(&self, new: NewVariable) -> Result<Result<Variable, VariableRefusal>, StoreError> {
        if let Err(refusal) = Variable::check_name(&new.name) {
            return Ok(Err(refusal));
        }
        // PostgreSQL cannot take it out of JSON again, which is how tags are searched.
        if new.tags.iter().flatten().any(|tag| tag.contains('\0')) {
            return Ok(Err(VariableRefusal::Tag(new.name)));
        }
        let replaced = if new.tags.is_some() { Replace::ValueAndTags } else { Replace::Value };
        let now = self.clock().now();
        let variable = Variable {
            id: VariableId(self.clock().uuid()),
            name: new.name.clone(),
            value: new.value,
            tags: new.tags.unwrap_or_default(),
            created: now,
            updated: now,
        };
        let kept = self.store().put_variable(variable, new.overwrite.then_some(replaced)).await?;
        Ok(kept.ok_or(VariableRefusal::Exists(new.name)))
    }
}
