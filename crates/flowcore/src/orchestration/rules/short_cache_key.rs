//! A cache key has an end.

use crate::model::StateType;
use crate::orchestration::rule::{Rule, StateSet, Transition, Verdict};

/// Says of a COMPLETED whose cache key is too long that it is not cached.
pub(crate) struct ShortCacheKey;

impl Rule for ShortCacheKey {
    fn name(&self) -> &'static str {
        "ShortCacheKey"
    }

    fn to(&self) -> StateSet {
        StateSet::of(&[StateType::Completed])
    }

    fn before(&self, transition: &Transition<'_>) -> Verdict {
        let key = transition.to.details.as_ref().and_then(|details| details.cache_key.as_ref());
        if key.is_none_or(|key| key.chars().count() <= LONGEST) {
            return Verdict::Continue;
        }
        let why = format!("Cache key exceeded maximum allowed length of {LONGEST} characters.");
        Verdict::Instead(Box::new(transition.to.clone()), why.into())
    }
}

/// How many characters a cache key has, at most.
const LONGEST: usize = 2000;
