//! Refusing what may not stand in a file: with its place, and the name that was probably meant.

use flowcore_worker::placeholders::has_placeholder;
use serde_json::Value;

use super::interval;
use super::shape::{Fields, Shape};
use super::yaml::{Entry, Kind, Node, Wrong};

/// How much two names have in common, from 0 to 1, if one is to be taken for a slip of the other.
const ALIKE: f64 = 0.75;

/// Checks a mapping with known keys.
pub(super) fn check_fields(node: &Node, fields: &Fields) -> Result<(), Wrong> {
    let Kind::Map(entries) = &node.kind else { return Err(mismatch(node, fields.what, "a mapping")) };
    for Entry { place, key, value } in entries {
        match fields.known.iter().find(|(name, _)| name == key) {
            // Nothing is as good as no key.
            Some(_) if matches!(value.kind, Kind::Scalar(Value::Null)) => {}
            Some((_, shape)) => check(value, key, shape)?,
            None => {
                let known: Vec<&str> = fields.known.iter().map(|(name, _)| *name).collect();
                let advice = match nearest(key, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has: {}", known.join(", ")),
                };
                return Err(Wrong::new(*place, format!("{} has no `{key}`; {advice}", fields.what)));
            }
        }
    }
    Ok(())
}

/// Finds the name that is a slip or two away.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase());
    let best = known.iter().map(|name| (likeness(name), *name)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

fn check(node: &Node, key: &str, shape: &Shape) -> Result<(), Wrong> {
    let wrong = |expected: &str| Err(mismatch(node, &format!("`{key}`"), expected));
    let scalar = match &node.kind {
        Kind::Scalar(Value::String(text)) if has_placeholder(text) => return Ok(()),
        Kind::Scalar(value) => Some(value),
        Kind::List(_) | Kind::Map(_) => None,
    };
    match (shape, scalar) {
        (Shape::Anything, _) => Ok(()),
        (Shape::Text | Shape::Label, Some(Value::String(_))) | (Shape::Label, Some(Value::Number(_))) => Ok(()),
        (Shape::Text | Shape::Label, _) => wrong("a text"),
        (Shape::Flag, Some(Value::Bool(_))) => Ok(()),
        (Shape::Flag, _) => wrong("true or false"),
        (Shape::Whole(least), Some(Value::Number(number)))
            if number.as_u64().is_some_and(|number| number >= *least) =>
        {
            Ok(())
        }
        (Shape::Whole(least), _) => wrong(&format!("a whole number from {least} on")),
        (Shape::Interval, Some(value)) if interval::seconds(value).is_some() => Ok(()),
        (Shape::Interval, _) => wrong("seconds, or a text such as 01:30:00 or PT5M"),
        (Shape::Word(words), Some(Value::String(word))) if words.contains(&word.as_str()) => Ok(()),
        (Shape::Word(words), _) => wrong(&words.join(" or ")),
        (Shape::Labels, Some(Value::String(_))) => Ok(()),
        (Shape::Labels, _) => items(node, key, "a list of texts", &Shape::Label),
        (Shape::Object, _) if matches!(node.kind, Kind::Map(_)) => Ok(()),
        (Shape::Object, _) => wrong("a mapping"),
        (Shape::Objects, _) => items(node, key, "a list of mappings", &Shape::Object),
        (Shape::Steps, _) => check_steps(node, key),
        (Shape::List(shape), _) => items(node, key, "a list", shape),
        (Shape::Fields(fields), _) => match &node.kind {
            Kind::Map(_) => check_fields(node, fields),
            _ => wrong("a mapping"),
        },
        (Shape::Or(short, long), _) => match &node.kind {
            Kind::Map(_) => check(node, key, long),
            _ => check(node, key, short),
        },
    }
}

fn items(node: &Node, key: &str, expected: &str, shape: &Shape) -> Result<(), Wrong> {
    let Kind::List(items) = &node.kind else { return Err(mismatch(node, &format!("`{key}`"), expected)) };
    items.iter().try_for_each(|item| check(item, key, shape))
}

/// Checks steps: mappings with one key, which names the step, and a mapping of its inputs. One may stand without a list.
fn check_steps(node: &Node, key: &str) -> Result<(), Wrong> {
    match &node.kind {
        Kind::List(steps) => steps.iter().try_for_each(|step| match &step.kind {
            Kind::Map(_) => check_steps(step, key),
            // An empty item is no step.
            Kind::Scalar(Value::Null) => Ok(()),
            _ => Err(mismatch(step, "a step", "a mapping of its name to its inputs")),
        }),
        Kind::Map(entries) => {
            if let Some(second) = entries.get(1) {
                let why =
                    format!("a step has one key, its name: begin `{}` with a `-` of its own, or indent it", second.key);
                return Err(Wrong::new(second.place, why));
            }
            match entries.first().map(|entry| (&entry.key, &entry.value)) {
                None => Ok(()),
                Some((_, Node { kind: Kind::Map(_) | Kind::Scalar(Value::Null), .. })) => Ok(()),
                Some((name, inputs)) => Err(mismatch(inputs, &format!("the inputs of `{name}`"), "a mapping")),
            }
        }
        Kind::Scalar(_) => Err(mismatch(node, &format!("`{key}`"), "a list of steps")),
    }
}

fn mismatch(node: &Node, what: &str, expected: &str) -> Wrong {
    let found = match &node.kind {
        Kind::Scalar(Value::Null) => "nothing".to_owned(),
        Kind::Scalar(Value::String(text)) => format!("`{}`", text.chars().take(60).collect::<String>()),
        Kind::Scalar(value) => format!("`{value}`"),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a mapping".to_owned(),
    };
    Wrong::new(node.place, format!("{what} is to be {expected}, and is {found}"))
}
