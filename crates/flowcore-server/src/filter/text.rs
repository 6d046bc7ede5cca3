//! Searches in texts.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A search: `error "timed out" +retry -debug` is one of the first two, with the third, without the last.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextSearch {
    #[serde(deserialize_with = "not_too_long")]
    #[schemars(length(max = 200))]
    query: String,
}

/// How many characters a search has at most.
const LONGEST: usize = 200;

fn not_too_long<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let query = String::deserialize(deserializer)?;
    if query.chars().count() > LONGEST {
        return Err(D::Error::custom("String should have at most 200 characters"));
    }
    Ok(query)
}

/// What a search asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// One of these, if there are any.
    pub(crate) any: Vec<String>,
    /// All of these.
    pub(crate) all: Vec<String>,
    /// None of these.
    pub(crate) none: Vec<String>,
}

impl TextSearch {
    /// Takes the search apart.
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::default();
        let mut rest = self.query.trim_start();
        while let Some(first) = rest.chars().next() {
            let sign = matches!(first, '+' | '-' | '!').then_some(first);
            rest = &rest[sign.map_or(0, char::len_utf8)..];
            // A quotation without an end goes to the end of the text.
            let (word, behind) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            rest = behind.trim_start();
            if word.is_empty() {
                continue;
            }
            let list = match sign {
                None => &mut words.any,
                Some('+') => &mut words.all,
                Some(_) => &mut words.none,
            };
            list.push(word.to_owned());
        }
        words
    }

    /// Tells how many characters the search has.
    pub(crate) fn len(&self) -> usize {
        self.query.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_taken_apart() {
        let query = "error \"timed out\" +retry -debug !trace - \"open".to_owned();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let expected = Words {
            any: texts(&["error", "timed out", "open"]),
            all: texts(&["retry"]),
            none: texts(&["debug", "trace"]),
        };
        assert_eq!(TextSearch { query }.words(), expected);
    }
}
