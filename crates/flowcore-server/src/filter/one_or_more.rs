//! Lists that may be written as their only element.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Several, or one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> OneOrMore<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            OneOrMore::More(several) => several,
            OneOrMore::One(one) => std::slice::from_ref(one),
        }
    }
}

impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        OneOrMore::More(Vec::new())
    }
}
