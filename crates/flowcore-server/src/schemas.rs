//! Values that people enter for what a JSON schema describes: filling in what they refer to.

use flowcore::model::Variable;
use flowcore::store::query::Values;
use serde_json::{Map, Value};

use crate::automations::check_template;
use crate::error::ApiError;
use crate::json_schema::Step;
use crate::state::App;
use crate::variables::{NAME, VariableRow};

/// The key of an object that stands for another value, and says in which way.
const KIND: &str = "__prefect_kind";

/// A value in which all that stood for something else is filled in.
pub(crate) struct Hydrated {
    pub(crate) value: Value,
    /// What could not be filled in: null stands there.
    pub(crate) mistakes: Vec<Mistake>,
    /// Where a template stands, which is filled in when it is used: nothing can be said of it now.
    pub(crate) templates: Vec<Vec<Step>>,
}

/// What is wrong at a place.
pub(crate) struct Mistake {
    pub(crate) at: Vec<Step>,
    pub(crate) message: String,
}

/// Fills in JSON texts and variables.
pub(crate) async fn hydrate(app: &App, value: Value) -> Result<Hydrated, ApiError> {
    let mut names = Vec::new();
    variables_of(&value, &mut names);
    let mut variables = Vec::new();
    for name in names {
        let found = app.store.records().first::<VariableRow>(NAME.one_of(Values::Texts(vec![name]))).await?;
        variables.extend(found.map(|VariableRow(variable)| variable));
    }
    let mut filling = Filling { variables, mistakes: Vec::new(), templates: Vec::new() };
    let value = filling.fill(value, &mut Vec::new()).unwrap_or_else(|| Value::Object(Map::new()));
    Ok(Hydrated { value, mistakes: filling.mistakes, templates: filling.templates })
}

fn variables_of(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            names.extend(fields.get("variable_name").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| variables_of(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| variables_of(value, names)),
        _ => {}
    }
}

struct Filling {
    variables: Vec<Variable>,
    mistakes: Vec<Mistake>,
    templates: Vec<Vec<Step>>,
}

impl Filling {
    /// Fills in a value; none if it is to be left out.
    fn fill(&mut self, value: Value, at: &mut Vec<Step>) -> Option<Value> {
        match value {
            Value::Object(mut fields) => match fields.remove(KIND) {
                Some(Value::String(kind)) => self.stand_in(&kind, fields, at),
                Some(_) | None => Some(Value::Object(self.fields(fields, at))),
            },
            Value::Array(items) => {
                let numbered = items.into_iter().enumerate();
                Some(numbered.filter_map(|(nth, item)| self.within(Step::Index(nth), item, at)).collect())
            }
            other => Some(other),
        }
    }

    fn fields(&mut self, fields: Map<String, Value>, at: &mut Vec<Step>) -> Map<String, Value> {
        let filled = fields.into_iter().filter_map(|(name, value)| {
            let value = self.within(Step::Name(name.clone()), value, at)?;
            Some((name, value))
        });
        filled.collect()
    }

    fn within(&mut self, step: Step, value: Value, at: &mut Vec<Step>) -> Option<Value> {
        at.push(step);
        let filled = self.fill(value, at);
        at.pop();
        filled
    }

    /// Gives the value that an object of a kind stands for.
    fn stand_in(&mut self, kind: &str, mut fields: Map<String, Value>, at: &mut Vec<Step>) -> Option<Value> {
        match kind {
            "none" => match fields.remove("value") {
                Some(value) => self.fill(value, at),
                None => Some(self.mistake(at, "Missing 'value' key in __prefect object".to_owned())),
            },
            "json" => {
                let value = self.fill(fields.remove("value")?, at)?;
                let Value::String(text) = value else { return Some(value) };
                let read = serde_json::from_str(&text);
                Some(read.unwrap_or_else(|error| self.mistake(at, format!("Invalid JSON: {error}"))))
            }
            "workspace_variable" => {
                let Value::String(name) = self.fill(fields.remove("variable_name")?, at)? else { return None };
                let found = self.variables.iter().find(|variable| variable.name == name);
                let value = found.and_then(|variable| serde_json::from_str(variable.value.get()).ok());
                let why = || format!("Variable '{name}' not found in workspace.");
                Some(value.unwrap_or_else(|| self.mistake(at, why())))
            }
            "jinja" => match fields.remove("template") {
                Some(template) => {
                    let template = self.fill(template, at)?;
                    if let Some(Err(problem)) = template.as_str().map(check_template) {
                        return Some(self.mistake(at, format!("Invalid jinja: {}", problem.message)));
                    }
                    self.templates.push(at.clone());
                    Some(template)
                }
                None => Some(self.mistake(at, "Missing 'template' key in __prefect object".to_owned())),
            },
            _ => fields.remove("value"),
        }
    }

    fn mistake(&mut self, at: &[Step], message: String) -> Value {
        self.mistakes.push(Mistake { at: at.to_vec(), message });
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(value: Value) -> (Option<Value>, Vec<(Vec<Step>, String)>) {
        let mut filling = Filling { variables: Vec::new(), mistakes: Vec::new(), templates: Vec::new() };
        let filled = filling.fill(value, &mut Vec::new());
        (filled, filling.mistakes.into_iter().map(|mistake| (mistake.at, mistake.message)).collect())
    }

    #[test]
    fn what_stands_for_something_else_is_filled_in() {
        let value = json!({"a": {KIND: "json", "value": "[1, 2]"}, "b": [{KIND: "none", "value": {"c": 3}}], "d": {KIND: "json"}});
        assert_eq!(fill(value), (Some(json!({"a": [1, 2], "b": [{"c": 3}]})), vec![]));
        let value = json!({"a": [{KIND: "workspace_variable", "variable_name": "x"}], "b": {KIND: "none"}});
        let (filled, mistakes) = fill(value);
        assert_eq!(filled, Some(json!({"a": [null], "b": null})));
        let (a, b) = (Step::Name("a".to_owned()), Step::Name("b".to_owned()));
        let variable = "Variable 'x' not found in workspace.".to_owned();
        let value = "Missing 'value' key in __prefect object".to_owned();
        assert_eq!(mistakes, [(vec![a, Step::Index(0)], variable), (vec![b], value)]);
    }
}
