//! Variables: their rows, and the store's face to them.

use std::cmp::Reverse;
use std::collections::btree_map::{BTreeMap, Entry};

use async_trait::async_trait;

use crate::model::{Variable, VariableFilter, VariableOrder};
use crate::store::{Replace, StoreError, VariableStore};

use super::MemoryStore;
use super::select::{contains, cut, one_of};

/// Variables by their names.
#[derive(Default)]
pub(super) struct VariableTable(BTreeMap<String, Variable>);

impl VariableTable {
    fn put(&mut self, variable: Variable, replace: Option<Replace>) -> Option<Variable> {
        match (self.0.entry(variable.name.clone()), replace) {
            (Entry::Vacant(free), _) => Some(free.insert(variable).clone()),
            (Entry::Occupied(_), None) => None,
            (Entry::Occupied(mut taken), Some(replace)) => {
                let known = taken.get_mut();
                known.value = variable.value;
                known.updated = variable.updated;
                if replace == Replace::ValueAndTags {
                    known.tags = variable.tags;
                }
                Some(known.clone())
            }
        }
    }

    fn select(&self, filter: &VariableFilter) -> Vec<Variable> {
        let selected = |variable: &&Variable| {
            one_of(filter.ids.as_deref(), &variable.id)
                && one_of(filter.names.as_deref(), &variable.name)
                && contains(filter.name_like.as_deref(), &variable.name)
                && filter.tags.as_ref().is_none_or(|tags| tags.iter().all(|tag| variable.tags.contains(tag)))
                && filter.tagged.is_none_or(|tagged| tagged != variable.tags.is_empty())
        };
        let mut variables: Vec<&Variable> = self.0.values().filter(selected).collect();
        // They are in the order of their names, which these keep among what is equal.
        match filter.order {
            VariableOrder::Name => {}
            VariableOrder::NameReversed => variables.reverse(),
            VariableOrder::Newest => variables.sort_by_key(|variable| Reverse(variable.created)),
            VariableOrder::LastUpdated => variables.sort_by_key(|variable| Reverse(variable.updated)),
        }
        cut(variables, filter.page)
    }
}

#[async_trait]
impl VariableStore for MemoryStore {
    async fn put_variable(&self, variable: Variable, replace: Option<Replace>) -> Result<Option<Variable>, StoreError> {
        self.with(|tables| tables.variables.put(variable, replace))
    }

    async fn delete_variable(&self, name: &str) -> Result<bool, StoreError> {
        self.with(|tables| tables.variables.0.remove(name).is_some())
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, StoreError> {
        self.with(|tables| tables.variables.select(filter))
    }
}
