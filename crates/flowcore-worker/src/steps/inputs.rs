//! What a step is told.

use serde_json::{Map, Value};

/// The inputs of a step, with their placeholders filled in.
pub(super) struct Inputs(Map<String, Value>);

impl Inputs {
    /// Takes the inputs of a step that has these and no others. `id` and `requires` are not for the step itself.
    pub(super) fn new(mut inputs: Map<String, Value>, known: &[&str]) -> Result<Self, String> {
        inputs.retain(|name, value| !matches!(name.as_str(), "id" | "requires") && !value.is_null());
        if !known.is_empty()
            && let Some(other) = inputs.keys().find(|name| !known.contains(&name.as_str()))
        {
            return Err(format!("it has no input `{other}`; it has: {}", known.join(", ")));
        }
        Ok(Inputs(inputs))
    }

    /// Gives a text that may be left out.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` is to be a text")),
        }
    }

    /// Gives a text that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, String> {
        self.text(name)?.ok_or_else(|| format!("it has no `{name}`"))
    }

    /// Gives what is true or false.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("`{name}` is to be true or false")),
        }
    }

    /// Gives texts; one may stand without a list.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let wrong = || format!("`{name}` is to be a list of texts");
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Gives values by name.
    pub(super) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(format!("`{name}` is to be a mapping")),
        }
    }

    /// Gives any value.
    pub(super) fn any(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}
