//! Variables: values under names, which programs read while they run and people change without a new build.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Page, Timestamp, VariableId};

/// The longest name of a variable, in characters, as in Prefect.
const LONGEST_NAME: usize = 255;

/// A value under a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variable {
    /// Names the variable for good.
    pub id: VariableId,
    /// What programs ask for; there is one variable of a name. See [`Variable::check_name`].
    pub name: String,
    /// The value, as JSON.
    pub value: Box<RawValue>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
}

impl Variable {
    /// Tells whether a variable can have this name: 1 to 255 lower case letters, digits, dashes and underscores.
    ///
    /// # Errors
    ///
    /// It cannot.
    pub fn check_name(name: &str) -> Result<(), VariableRefusal> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(fits) {
            Ok(())
        } else {
            Err(VariableRefusal::Name(name.to_owned()))
        }
    }
}

/// A variable to be made or changed.
#[derive(Clone, Debug)]
pub struct NewVariable {
    /// Its name.
    pub name: String,
    /// Its value, as JSON.
    pub value: Box<RawValue>,
    /// Its tags. Without them a new variable has none, and one that is overwritten keeps its own.
    pub tags: Option<Vec<String>>,
    /// Whether a variable that has the name already is changed.
    pub overwrite: bool,
}

/// Why a variable cannot be set or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableRefusal {
    /// The name cannot be used.
    #[error("`{0}` cannot name a variable: use 1 to 255 lower case letters, digits, dashes and underscores")]
    Name(String),
    /// A tag cannot be used.
    #[error("the variable `{0}` cannot have a tag with the character NUL in it: leave it out")]
    Tag(String),
    /// There is one already.
    #[error("there is a variable `{0}` already: overwrite it, with `--overwrite` or `.overwrite()`")]
    Exists(String),
}

/// In which order variables are listed. What is equal is in the order of the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VariableOrder {
    /// By name: Prefect's `NAME_ASC`.
    #[default]
    Name,
    /// By name, the last first: `NAME_DESC`.
    NameReversed,
    /// The newest first: `CREATED_DESC`.
    Newest,
    /// What was changed last first: `UPDATED_DESC`.
    LastUpdated,
}

/// Selects variables. An absent condition selects everything.
#[derive(Clone, Debug, Default)]
pub struct VariableFilter {
    /// One of these variables.
    pub ids: Option<Vec<VariableId>>,
    /// The name is one of these.
    pub names: Option<Vec<String>>,
    /// The name contains this.
    pub name_like: Option<String>,
    /// It has all these tags.
    pub tags: Option<Vec<String>>,
    /// Whether it has tags at all.
    pub tagged: Option<bool>,
    /// Which come first.
    pub order: VariableOrder,
    /// Rows to return.
    pub page: Page,
}

impl VariableFilter {
    /// Selects the variable of a name.
    pub fn named(name: impl Into<String>) -> Self {
        VariableFilter { names: Some(vec![name.into()]), page: Page::first(1), ..VariableFilter::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        for name in ["a", "0", "page-size_2", "-", &"x".repeat(255)] {
            assert_eq!(Variable::check_name(name), Ok(()), "{name}");
        }
        for name in ["", "A", "é", "a b", "a.b", "a/b", "a\n", &"x".repeat(256)] {
            assert_eq!(Variable::check_name(name), Err(VariableRefusal::Name(name.to_owned())), "{name}");
        }
    }
}
