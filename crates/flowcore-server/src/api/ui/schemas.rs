//! Whether values are what a schema describes, for forms.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::extract::Body;
use crate::json_schema::{Mistake, Problem, Step, check_schema, prepare, problems};
use crate::routes::{Routes, op};
use crate::schemas::hydrate;
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
    let unusable = |why: String| ApiError::Refused(StatusCode::UNPROCESSABLE_ENTITY, why);
    let schema = prepare(&asked.schema, false);
    check_schema(&schema).map_err(unusable)?;
    let hydrated = hydrate(&app, Value::Object(asked.values)).await?;
    let mistakes: HashMap<Vec<Step>, String> =
        hydrated.mistakes.into_iter().map(|mistake| (mistake.at, mistake.message)).collect();
    let problems = problems(&hydrated.value, &schema, &mistakes).map_err(|mistake| {
        let prefix = if matches!(mistake, Mistake::Unresolvable(_)) { "Invalid schema: " } else { "" };
        unusable(format!("{prefix}{mistake}"))
    })?;
    let mut errors = Vec::new();
    for problem in in_places(problems) {
        if hydrated.templates.contains(&problem.path) {
            continue;
        }
        // What could not be filled in is all that there is to say of its place.
        if mistakes.get(&problem.path).is_some_and(|mistake| *mistake != problem.why) {
            continue;
        }
        let mut path = problem.path;
        path.extend(problem.missing.map(Step::Name));
        add(&mut errors, &path, problem.why);
    }
    let valid = errors.is_empty();
    Ok(Json(Answer { errors, valid }))
}

/// Puts the problems of each place together, where the first of them is.
fn in_places(problems: Vec<Problem>) -> Vec<Problem> {
    let mut first = HashMap::new();
    let mut numbered: Vec<(usize, Problem)> = problems
        .into_iter()
        .enumerate()
        .map(|(number, problem)| (*first.entry(problem.path.clone()).or_insert(number), problem))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, problem)| problem).collect()
}

/// Puts what is wrong where it is. Each thing that is wrong with a property or an item has an entry of its own there.
fn add(errors: &mut Vec<Wrong>, path: &[Step], message: String) {
    let Some((step, rest)) = path.split_first() else {
        errors.push(Wrong::Here(message));
        return;
    };
    let is_it = |wrong: &&mut Wrong| match (wrong, step) {
        (Wrong::Property { property, .. }, Step::Name(name)) => property == name,
        (Wrong::Item { index, .. }, Step::Index(at)) => index == at,
        _ => false,
    };
    let known = if rest.is_empty() { None } else { errors.iter_mut().find(is_it) };
    if let Some(Wrong::Property { errors, .. } | Wrong::Item { errors, .. }) = known {
        return add(errors, rest, message);
    }
    let mut within = Vec::new();
    add(&mut within, rest, message);
    errors.push(match step {
        Step::Name(name) => Wrong::Property { property: name.clone(), errors: within },
        Step::Index(index) => Wrong::Item { index: *index, errors: within },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let mut errors = Vec::new();
        let name = |name: &str| Step::Name(name.to_owned());
        add(&mut errors, &[], "a".to_owned());
        add(&mut errors, &[name("x")], "b".to_owned());
        add(&mut errors, &[name("x"), name("y"), Step::Index(2), name("z")], "c".to_owned());
        add(&mut errors, &[name("x"), name("y"), Step::Index(2)], "d".to_owned());
        let here = |text: &str| Wrong::Here(text.to_owned());
        let property = |name: &str, errors| Wrong::Property { property: name.to_owned(), errors };
        let item = |errors| Wrong::Item { index: 2, errors };
        let items = vec![item(vec![property("z", vec![here("c")])]), item(vec![here("d")])];
        assert_eq!(errors, [here("a"), property("x", vec![here("b"), property("y", items)])]);
    }
}
