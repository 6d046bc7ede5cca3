//! Variables of jobs, checked against what the template of a pool declares.

use serde_json::{Map, Value};

use crate::json_schema::{Mistake, check, prepare, without_required};

/// Checks variables, of which later ones replace earlier ones, together with the template's defaults.
///
/// A default that does not fit its own declaration is left out, and then nothing is taken to be required; so are defaults that
/// refer to blocks. With `part`, more variables may come later.
pub(crate) fn check_job_variables(
    template: &Map<String, Value>,
    given: &[&Map<String, Value>],
    part: bool,
) -> Result<(), Mistake> {
    let Some(Value::Object(schema)) = template.get("variables") else { return Ok(()) };
    let (mut variables, complete) = defaults(schema);
    for more in given {
        variables.extend((*more).clone());
    }
    let mut schema = prepare(schema, true);
    if part || !complete {
        schema = without_required(&schema);
    }
    check(&Value::Object(variables), &schema)
}

/// Lists the defaults that fit, and tells whether all do.
fn defaults(schema: &Map<String, Value>) -> (Map<String, Value>, bool) {
    let lenient = without_required(schema);
    let mut complete = true;
    let mut defaults = Map::new();
    for (name, declared) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(default) = declared.get("default") else { continue };
        let one = Value::Object(Map::from_iter([(name.clone(), default.clone())]));
        if default.get("$ref").is_none() && check(&one, &lenient).is_ok() {
            defaults.insert(name.clone(), default.clone());
        } else {
            complete = false;
        }
    }
    (defaults, complete)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn checked(variables: Value, given: Value, part: bool) -> Result<(), String> {
        let template = json!({"job_configuration": {}, "variables": variables});
        let given = given.as_object().unwrap();
        check_job_variables(template.as_object().unwrap(), &[given], part).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn a_run_has_what_is_required_by_itself_or_by_default() {
        let variables = json!({
            "properties": {"image": {"type": "string"}, "cpu": {"type": "integer", "default": 1}},
            "required": ["image", "cpu"],
        });
        assert_eq!(checked(variables.clone(), json!({"image": "x"}), false), Ok(()));
        assert_eq!(checked(variables.clone(), json!({}), true), Ok(()));
        let missing = checked(variables.clone(), json!({}), false).unwrap_err();
        assert_eq!(missing, "Validation failed. Failure reason: 'image' is a required property");
        let wrong = checked(variables, json!({"cpu": "many"}), true).unwrap_err();
        assert_eq!(wrong, "Validation failed for field 'cpu'. Failure reason: 'many' is not of type 'integer'");
    }

    #[test]
    fn a_default_that_does_not_fit_asks_for_nothing() {
        let variables = json!({"properties": {"a": {"type": "string", "default": 1}, "b": {}}, "required": ["a", "b"]});
        assert_eq!(checked(variables, json!({}), false), Ok(()));
    }
}
