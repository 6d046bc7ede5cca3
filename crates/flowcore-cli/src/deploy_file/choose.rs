//! Which deployments of a file a command line means.

use super::check::nearest;
use super::file::{DeployFile, Written};
use crate::failure::Failure;
use crate::text::one_line;

/// Finds the deployments that names stand for. A name may be `deployment` or `flow/deployment`, and have `*` for any letters.
/// Without names it is all of them, or the only one.
pub(crate) fn choose(file: &DeployFile, names: &[String], all: bool) -> Result<Vec<Written>, Failure> {
    let known: Vec<String> = file.deployments.iter().filter_map(Written::name).collect();
    if names.is_empty() {
        return match &file.deployments[..] {
            [] => Err(Failure::new("the file has no deployments: add one below `deployments`, or name an entrypoint")),
            many @ [_, _, ..] if !all => {
                let (known, count) = (one_line(&known.join(", ")), many.len());
                let say = "say which by `--name NAME`, or deploy all by `--all`";
                Err(Failure::Usage(format!("the file has {count} deployments: {say}; there are: {known}")))
            }
            some => Ok(some.to_vec()),
        };
    }
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        for (place, written) in file.deployments.iter().enumerate() {
            if stands_for(name, written) && !chosen.contains(&place) {
                chosen.push(place);
            }
        }
        let is_repeated = || file.deployments.iter().any(|written| stands_for(name, written));
        if chosen.len() == before && !is_repeated() {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let last = name.rsplit('/').next().unwrap_or(name);
            let near = nearest(last, &names).map(|near| format!("; did you mean `{}`?", one_line(near)));
            let all = || format!("; it has: {}", one_line(&known.join(", ")));
            let advice = near.unwrap_or_else(|| if known.is_empty() { String::new() } else { all() });
            return Err(Failure::new(format!("the file has no deployment `{}`{advice}", one_line(name))));
        }
    }
    Ok(chosen.into_iter().filter_map(|place| file.deployments.get(place).cloned()).collect())
}

fn stands_for(pattern: &str, written: &Written) -> bool {
    let Some(name) = written.name() else { return false };
    match pattern.split_once('/') {
        None => fits(pattern, &name),
        Some((flow, pattern)) => {
            let dashed = |text: &str| text.replace('_', "-");
            written.flow().is_some_and(|function| fits(&dashed(flow), &dashed(function))) && fits(pattern, &name)
        }
    }
}

/// Tells whether a text fits a pattern, in which `*` is any letters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        match text.find(part) {
            Some(found) => text = &text[found + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    fn file(names: &[(&str, &str)]) -> DeployFile {
        let written = |(name, flow): &(&str, &str)| Written {
            fields: json!({"name": name, "entrypoint": format!("flow.py:{flow}")}).as_object().cloned().unwrap(),
            ..Written::default()
        };
        DeployFile { deployments: names.iter().map(written).collect(), ..DeployFile::default() }
    }

    fn chosen(file: &DeployFile, names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match choose(file, &names, false) {
            Ok(chosen) => chosen.iter().map(|written| written.name().unwrap()).collect(),
            Err(failure) => vec![format!("! {}", failure.message().unwrap())],
        }
    }

    #[test]
    fn names_and_patterns_find_deployments() {
        let file = file(&[("nightly", "sum_up"), ("nightly-eu", "sum_up"), ("hourly", "load")]);
        assert_eq!(chosen(&file, &["nightly"]), ["nightly"]);
        assert_eq!(chosen(&file, &["night*", "nightly"]), ["nightly", "nightly-eu"]);
        assert_eq!(chosen(&file, &["sum-up/*eu", "load/hourly"]), ["nightly-eu", "hourly"]);
        assert_eq!(
            chosen(&file, &["load/nightly"]),
            ["! the file has no deployment `load/nightly`; did you mean `nightly`?"]
        );
        assert_eq!(chosen(&file, &["x"]), ["! the file has no deployment `x`; it has: nightly, nightly-eu, hourly"]);
        let several = "! the file has 3 deployments: say which by `--name NAME`, or deploy all by `--all`; there are: nightly, \
                       nightly-eu, hourly";
        assert_eq!(chosen(&file, &[]), [several]);
        assert_eq!(choose(&file, &[], true).unwrap().len(), 3);
    }

    #[test]
    fn stars_are_any_letters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_ends_in_a_panic(pattern in any::<String>(), text in any::<String>()) {
            let _ = fits(&format!("{pattern}*{pattern}"), &text);
        }
    }
}
