//! A result that is cached is not computed again.

use crate::model::{StateName, StateType};
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Replaces RUNNING by the completed state that is cached under the proposed one's key.
pub(crate) struct CachedResult;

impl Rule for CachedResult {
    fn name(&self) -> &'static str {
        "CachedResult"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Running])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        match transition.facts.cached {
            Some(cached) => {
                let state = cached.clone().named(StateName::CACHED);
                Verdict::Instead(Box::new(state), "Retrieved state from cache".into())
            }
            None => Verdict::Continue,
        }
    }
}
