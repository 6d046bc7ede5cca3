//! Checks the names in templates such as `fetch {url}`.

use super::suggestion::closest;
use super::table::Reserved;
use crate::errors::Errors;
use crate::kind::Kind;
use syn::LitStr;

/// Checks that every `{name}` in a template is a parameter or one of the names that the engine fills in.
pub(super) fn check(kind: Kind, reserved: Reserved, text: &LitStr, parameters: &[String], errors: &mut Errors) {
    let reserved = names(kind, reserved);
    let mut refused: Vec<String> = Vec::new();
    for part in parts(&text.value()) {
        let message = match part {
            Part::Name("") => "`{}` names nothing: write the name of a parameter, or `{{}}` for braces".to_owned(),
            Part::Name(name) if parameters.iter().any(|known| known == name) || reserved.contains(&name) => continue,
            Part::Name(name) => unknown(kind, name, parameters, reserved),
            Part::Open => "`{` is not closed: write `{{` for a brace".to_owned(),
            Part::Close => "`}` closes nothing: write `}}` for a brace".to_owned(),
        };
        // The place is the whole literal: two equal messages there say no more than one.
        if !refused.contains(&message) {
            errors.at(text, &message);
            refused.push(message);
        }
    }
}

fn names(kind: Kind, reserved: Reserved) -> &'static [&'static str] {
    match (reserved, kind) {
        (Reserved::OfRun, Kind::Flow) => &["flow_name", "flow_run_id"],
        (_, Kind::Flow) => &["flow_name", "flow_run_id", "flow_run_name"],
        (_, Kind::Task) => &["flow_name", "flow_run_id", "flow_run_name", "task_name"],
    }
}

fn unknown(kind: Kind, name: &str, parameters: &[String], reserved: &[&str]) -> String {
    let all = parameters.iter().map(String::as_str).chain(reserved.iter().copied());
    let suggestion = closest(name, all).map(|name| format!("; did you mean `{{{name}}}`?")).unwrap_or_default();
    let separator = if suggestion.is_empty() { "; " } else { " " };
    let listed = |names: Vec<&str>| names.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(", ");
    let own = match parameters.is_empty() {
        true => format!("the {} has no parameters", kind.noun()),
        false => format!("the parameters are {}", listed(parameters.iter().map(String::as_str).collect())),
    };
    format!(
        "`{{{name}}}` is no parameter{suggestion}{separator}{own}; the engine fills in {}",
        listed(reserved.to_vec())
    )
}

/// What can be wrong in a template.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Name(&'a str),
    Open,
    Close,
}

/// Finds the names and the lone braces, as the engine reads them.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let from = &rest[at..];
        rest = if from.starts_with("{{") || from.starts_with("}}") {
            &from[2..]
        } else if let Some(inner) = from.strip_prefix('{') {
            match inner.split_once('}') {
                Some((name, after)) => {
                    parts.push(Part::Name(name));
                    after
                }
                None => {
                    parts.push(Part::Open);
                    inner
                }
            }
        } else {
            parts.push(Part::Close);
            &from[1..]
        };
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_taken_apart() {
        assert_eq!(parts("fetch {url} as {kind}"), [Part::Name("url"), Part::Name("kind")]);
        assert_eq!(parts("{{url}}"), []);
        assert_eq!(parts("{{{url}}}"), [Part::Name("url")]);
        assert_eq!(parts("a { b"), [Part::Open]);
        assert_eq!(parts("a } b"), [Part::Close]);
        assert_eq!(parts("{}"), [Part::Name("")]);
    }
}
