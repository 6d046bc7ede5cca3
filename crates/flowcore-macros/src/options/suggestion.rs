//! Guesses what an unknown option was meant to be.

/// Finds the candidate that is only a slip or two away.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Gives the name that an option of Prefect's decorators has here.
pub(super) fn for_prefect(key: &str) -> Option<&'static str> {
    Some(match key {
        "retry_delay_seconds" => "retry_delay",
        "retry_jitter_factor" => "retry_jitter",
        "retry_condition_fn" => "retry_if",
        "timeout_seconds" => "timeout",
        "cache_policy" | "cache_key_fn" => "cache",
        "result_serializer" => "serializer",
        "by" => "materialized_by",
        _ => return None,
    })
}

/// Counts the letters to insert, delete or replace (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, candidate) in other.iter().enumerate() {
            let replaced = previous[column] + usize::from(letter != *candidate);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let known = || ["retries", "retry_delay", "timeout", "tags"].into_iter();
        assert_eq!(closest("retrys", known()), Some("retries"));
        assert_eq!(closest("tag", known()), Some("tags"));
        assert_eq!(closest("time_out", known()), Some("timeout"));
        assert_eq!(closest("colour", known()), None);
    }

    #[test]
    fn the_distance_is_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
