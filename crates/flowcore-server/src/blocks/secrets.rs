//! Secret fields: hiding them, and keeping them where a client sends back what it was shown.
//!
//! A schema lists its secret fields as paths: `password`, `login.password`, or `headers.*` for everything in a field.

use serde_json::{Map, Value};

/// What is shown for a secret, whatever it is.
pub(super) const HIDDEN: &str = "********";

/// Hides the secrets among fields.
pub(super) fn hide<'s>(data: &mut Map<String, Value>, secret_fields: impl Iterator<Item = &'s str>) {
    for path in secret_fields {
        let path: Vec<&str> = path.split('.').collect();
        if let Some(value) = leaf(data, &path).filter(|value| !value.is_null()) {
            *value = HIDDEN.into();
        } else {
            for_leaves_within(data, &Within::of(&path), &mut Vec::new(), &mut |_, value| *value = HIDDEN.into());
        }
    }
}

/// Puts secrets back where a client sends what it was shown instead of them.
pub(super) fn keep<'s>(
    sent: &mut Map<String, Value>,
    known: &Map<String, Value>,
    secret_fields: impl Iterator<Item = &'s str>,
) {
    let mut known = known.clone();
    for path in secret_fields {
        let path: Vec<&str> = path.split('.').collect();
        if let Some(secret) = leaf(&mut known, &path).filter(|secret| !secret.is_null()) {
            if let Some(value) = leaf(sent, &path).filter(|value| *value == HIDDEN) {
                *value = secret.clone();
            }
        } else {
            for_leaves_within(sent, &Within::of(&path), &mut Vec::new(), &mut |path, value| {
                if *value == HIDDEN
                    && let Some(secret) = leaf(&mut known, path)
                {
                    *value = secret.clone();
                }
            });
        }
    }
}

/// Where secrets are that are several: below a field, for which a wildcard stands or nothing at all.
struct Within<'p> {
    prefix: &'p [&'p str],
    /// How many names a path has at least.
    least: usize,
}

impl<'p> Within<'p> {
    fn of(path: &'p [&'p str]) -> Self {
        match path.iter().position(|name| *name == "*") {
            Some(place) => Within { prefix: &path[..place], least: place },
            // Prefect shows what is below a secret that is an object; it is as secret as the rest.
            None => Within { prefix: path, least: path.len() + 1 },
        }
    }
}

/// Tells whether there is nothing below a value: it is no object, or an empty one.
fn is_leaf(value: &Value) -> bool {
    value.as_object().is_none_or(Map::is_empty)
}

/// Finds the value at a path, if there is nothing below it.
fn leaf<'v>(data: &'v mut Map<String, Value>, path: &[impl AsRef<str>]) -> Option<&'v mut Value> {
    let (first, rest) = path.split_first()?;
    let mut value = data.get_mut(first.as_ref())?;
    for name in rest {
        value = value.as_object_mut()?.get_mut(name.as_ref())?;
    }
    Some(value).filter(|value| is_leaf(value))
}

fn for_leaves_within(
    data: &mut Map<String, Value>,
    within: &Within<'_>,
    above: &mut Vec<String>,
    act: &mut impl FnMut(&[String], &mut Value),
) {
    for (name, value) in data {
        if within.prefix.get(above.len()).is_some_and(|wanted| wanted != name) {
            continue;
        }
        above.push(name.clone());
        if !is_leaf(value) {
            if let Some(inner) = value.as_object_mut() {
                for_leaves_within(inner, within, above, act);
            }
        } else if above.len() >= within.least {
            act(above, value);
        }
        above.pop();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    const SECRET: [&str; 4] = ["password", "login.password", "headers.*", "parts.*.key"];

    #[test]
    fn secrets_are_hidden_wherever_the_schema_says() {
        let mut data = map(json!({
            "password": "a", "login": {"user": "ann", "password": 17}, "parts": {"x": {"key": 1, "name": 2}},
            "headers": {"a": "b", "c": {"d": null, "e": {}}}, "user": "ann", "nothing": null
        }));
        hide(&mut data, SECRET.into_iter());
        let expected = json!({
            "password": HIDDEN, "login": {"user": "ann", "password": HIDDEN},
            // What follows a wildcard does not count, as in Prefect.
            "parts": {"x": {"key": HIDDEN, "name": HIDDEN}},
            "headers": {"a": HIDDEN, "c": {"d": HIDDEN, "e": HIDDEN}}, "user": "ann", "nothing": null
        });
        assert_eq!(Value::Object(data), expected);
        let mut data = map(json!({"password": null, "login": null, "headers": {}}));
        hide(&mut data, SECRET.into_iter());
        assert_eq!(Value::Object(data), json!({"password": null, "login": null, "headers": HIDDEN}));
        let mut data = map(json!({"password": {"a": {"b": 1}, "c": []}}));
        hide(&mut data, SECRET.into_iter());
        assert_eq!(Value::Object(data), json!({"password": {"a": {"b": HIDDEN}, "c": HIDDEN}}));
    }

    #[test]
    fn what_was_shown_instead_of_a_secret_does_not_replace_it() {
        let mut sent = map(json!({"password": {"a": HIDDEN, "b": 2}}));
        keep(&mut sent, &map(json!({"password": {"a": 1, "b": 1}})), SECRET.into_iter());
        assert_eq!(Value::Object(sent), json!({"password": {"a": 1, "b": 2}}));
        let known = map(json!({"password": "a", "login": {"password": "b"}, "headers": {"x": "c", "y": "d"}}));
        let mut sent = map(json!({
            "password": HIDDEN, "login": {"password": "new"}, "headers": {"x": HIDDEN, "y": "e", "z": HIDDEN},
            "user": HIDDEN
        }));
        keep(&mut sent, &known, SECRET.into_iter());
        let expected = json!({
            "password": "a", "login": {"password": "new"}, "headers": {"x": "c", "y": "e", "z": HIDDEN}, "user": HIDDEN
        });
        assert_eq!(Value::Object(sent), expected);
    }
}
