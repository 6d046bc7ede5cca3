//! Names of runs: templates over parameters, and made-up names for flow runs.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Fills `{name}` in a template from the arguments and from `more`; `{{` and `}}` stand for braces. A name that is not
/// known stays as it is: the macros refuse it where they see it.
pub(crate) fn fill(template: &str, arguments: &Map<String, Value>, more: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            filled.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let name = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((name, after)) = name else {
            filled.push_str(&from[..1]);
            rest = &from[1..];
            continue;
        };
        match (arguments.get(name), more.iter().find(|(known, _)| *known == name)) {
            (Some(Value::String(text)), _) => filled.push_str(text),
            // Writing to a text cannot fail.
            (Some(value), _) => drop(write!(filled, "{value}")),
            (None, Some((_, text))) => filled.push_str(text),
            (None, None) => drop(write!(filled, "{{{name}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Makes up a name of two words for a flow run; `random` is from 0 to 1.
#[doc(hidden)]
pub fn made_up(random: f64) -> String {
    const MANNERS: [&str; 32] = [
        "amber", "bold", "brisk", "calm", "clever", "cosmic", "crisp", "daring", "eager", "fierce", "gentle", "golden",
        "humble", "jolly", "keen", "lively", "lucid", "mellow", "nimble", "noble", "patient", "proud", "quiet",
        "rapid", "silver", "steady", "sunny", "swift", "tidy", "vivid", "warm", "witty",
    ];
    const ANIMALS: [&str; 32] = [
        "badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "ferret", "gecko", "heron", "ibis",
        "jackal", "koala", "lemur", "lynx", "marten", "narwhal", "ocelot", "otter", "owl", "panda", "puffin", "quail",
        "raven", "robin", "salmon", "stork", "tapir", "toucan", "walrus", "wombat", "yak",
    ];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 1023")]
    let draw = (random * 1024.0).clamp(0.0, 1023.0) as usize;
    format!("{}-{}", MANNERS[draw / 32], ANIMALS[draw % 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let mut arguments = Map::new();
        arguments.insert("url".into(), "a/b".into());
        arguments.insert("n".into(), 3.into());
        let filled = |template| fill(template, &arguments, &[("flow_name", "etl")]);
        assert_eq!(filled("{flow_name}: {url}#{n}"), "etl: a/b#3");
        assert_eq!(filled("{{n}} {unknown} {open"), "{n} {unknown} {open");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn every_draw_has_a_name() {
        assert_ne!(made_up(0.0), made_up(1.0));
        assert!((0..=2000).all(|n| made_up(f64::from(n) / 2000.0).contains('-')));
    }
}
