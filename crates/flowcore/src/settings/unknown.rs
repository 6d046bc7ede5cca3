//! Variables that look like settings and are none: usually a slip of the fingers.

use std::fmt;

use super::known;

/// A variable that begins with `FLOWCORE_` and sets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// The variable.
    pub name: String,
    /// The known variable that it resembles most, if it resembles one.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.nearest {
            Some(nearest) => write!(f, "{name} is not a setting and changes nothing: did you mean {nearest}?"),
            None => write!(f, "{name} is not a setting and changes nothing: unset it"),
        }
    }
}

/// Picks out of the names of variables those that begin with `FLOWCORE_` and set nothing, sorted.
pub(super) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<UnknownVariable> {
    let known: Vec<&'static str> =
        known::all().flat_map(|known| known.variables).copied().filter(|name| name.starts_with("FLOWCORE_")).collect();
    let mut unknown: Vec<UnknownVariable> = names
        .filter(|name| name.starts_with("FLOWCORE_") && !known.contains(&&**name) && !known::is_internal(name))
        .map(|name| UnknownVariable { nearest: nearest(&name, &known), name })
        .collect();
    unknown.sort_by(|a, b| a.name.cmp(&b.name));
    unknown
}

/// Finds the candidate that takes the fewest edits, provided that these leave most of the name.
fn nearest(name: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let own = |name: &str| name.trim_start_matches("FLOWCORE_").len();
    let (edits, best) = candidates.iter().map(|known| (edits(name, known), *known)).min()?;
    (edits * 2 < own(best).max(own(name))).then_some(best)
}

/// Counts the insertions, deletions and replacements of bytes that turn one text into another.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.bytes()) {
            let next = (*cell + 1).min(left + 1).min(diagonal + usize::from(a != b));
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }

    #[test]
    fn the_nearest_name_is_proposed() {
        let names = [
            "FLOWCORE_TASK_LIMITS",
            "FLOWCORE_DATABASE",
            "FLOWCORE_HOME",
            "FLOWCORE_EXECUTE_FLOW_RUN",
            "FLOWCORE_TEST_POSTGRES_URL",
            "FLOWCORE_S3_SECRET_KEY",
            "FLOWCORE_ZEBRA_CROSSING",
            "PREFECT_ANYTHING",
        ];
        let unknown = unknown_variables(names.iter().map(|name| (*name).to_owned()));
        let unknown: Vec<_> = unknown.iter().map(|variable| (variable.name.as_str(), variable.nearest)).collect();
        assert_eq!(
            unknown,
            [
                ("FLOWCORE_DATABASE", Some("FLOWCORE_DATABASE_URL")),
                ("FLOWCORE_S3_SECRET_KEY", Some("FLOWCORE_S3_SECRET_ACCESS_KEY")),
                ("FLOWCORE_TASK_LIMITS", Some("FLOWCORE_TASK_LIMIT")),
                ("FLOWCORE_ZEBRA_CROSSING", None),
            ]
        );
    }

    #[test]
    fn the_warning_says_what_to_do() {
        let warning = |nearest| UnknownVariable { name: "FLOWCORE_HOM".to_owned(), nearest }.to_string();
        assert_eq!(
            warning(Some("FLOWCORE_HOME")),
            "FLOWCORE_HOM is not a setting and changes nothing: did you mean FLOWCORE_HOME?"
        );
        assert_eq!(warning(None), "FLOWCORE_HOM is not a setting and changes nothing: unset it");
    }
}
