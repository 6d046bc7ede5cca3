//! Whether values are what a schema describes, for forms.

use axum::Json;
use axum::extract::State;
use flowcore::orchestration::problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::extract::Body;
use crate::routes::{Routes, op};
use crate::schemas::{hydrate, with_nulls};
use crate::state::App;

pub(super) fn routes() -> Routes {
    Routes::new(&["UI", "Schemas"]).post("/ui/schemas/validate", op("validate_obj", validate))
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    schema: Map<String, Value>,
    values: Map<String, Value>,
}

/// What is wrong, each at its place.
#[derive(Serialize, JsonSchema)]
struct Answer {
    errors: Vec<Wrong>,
    valid: bool,
}

/// Something that is wrong: here, or within a property or an item.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
enum Wrong {
    Here(String),
    Property { property: String, errors: Vec<Wrong> },
    Item { index: usize, errors: Vec<Wrong> },
}

async fn validate(State(app): State<App>, Body(asked): Body<Asked>) -> Result<Json<Answer>, ApiError> {
    let hydrated = hydrate(&app, Value::Object(asked.values)).await?;
    let schema = with_nulls(Value::Object(asked.schema));
    let mut errors = Vec::new();
    for mistake in &hydrated.mistakes {
        add(&mut errors, &mistake.at, mistake.message.clone());
    }
    for problem in problems(&schema, Some(&hydrated.value)) {
        let known = hydrated.mistakes.iter().map(|mistake| &mistake.at).chain(&hydrated.templates);
        if known.into_iter().all(|at| *at != problem.at) {
            let message = match &problem.found {
                Some(found) => format!("{found} is not {}", problem.expected),
                None => format!("'{}' is a required property", problem.at.rsplit('.').next().unwrap_or_default()),
            };
            add(&mut errors, &problem.at, message);
        }
    }
    let valid = errors.is_empty();
    Ok(Json(Answer { errors, valid }))
}

/// Puts what is wrong where it is: `address.street`, `items[2].name`.
fn add(errors: &mut Vec<Wrong>, at: &str, message: String) {
    if at.is_empty() {
        errors.push(Wrong::Here(message));
        return;
    }
    let (index, rest) = match at.strip_prefix('[').and_then(|at| at.split_once(']')) {
        Some((index, rest)) => (index.parse::<usize>().ok(), rest),
        None => (None, at),
    };
    if let Some(index) = index {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let place =
            errors.iter().position(|wrong| matches!(wrong, Wrong::Item { index: known, .. } if *known == index));
        let place = place.unwrap_or_else(|| {
            errors.push(Wrong::Item { index, errors: Vec::new() });
            errors.len() - 1
        });
        if let Wrong::Item { errors, .. } = &mut errors[place] {
            add(errors, rest, message);
        }
        return;
    }
    let end = at.find(['.', '[']).unwrap_or(at.len());
    let (name, rest) = at.split_at(end);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let place = errors.iter().position(|wrong| matches!(wrong, Wrong::Property { property, .. } if property == name));
    let place = place.unwrap_or_else(|| {
        errors.push(Wrong::Property { property: name.to_owned(), errors: Vec::new() });
        errors.len() - 1
    });
    if let Wrong::Property { errors, .. } = &mut errors[place] {
        add(errors, rest, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let mut errors = Vec::new();
        for (at, message) in [("", "a"), ("x", "b"), ("x.y[2].z", "c"), ("x.y[2]", "d")] {
            add(&mut errors, at, message.to_owned());
        }
        let here = |text: &str| Wrong::Here(text.to_owned());
        let property = |name: &str, errors| Wrong::Property { property: name.to_owned(), errors };
        let item = Wrong::Item { index: 2, errors: vec![property("z", vec![here("c")]), here("d")] };
        assert_eq!(errors, [here("a"), property("x", vec![here("b"), property("y", vec![item])])]);
    }
}
