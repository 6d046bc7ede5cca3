//! What holds of every base job template.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Says what is wrong with a template. An empty one is none yet.
pub(crate) fn check(template: &Map<String, Value>) -> Result<(), String> {
    if template.is_empty() {
        return Ok(());
    }
    let part = |name: &str| template.get(name).and_then(Value::as_object).filter(|part| !part.is_empty());
    let (Some(job), Some(variables)) = (part("job_configuration"), part("variables")) else {
        return Err(
            "The `base_job_template` must contain both a `job_configuration` key and a `variables` key.".to_owned()
        );
    };
    let used: BTreeSet<String> = job.values().flat_map(|value| placeholders(&value.to_string())).collect();
    let declared = variables.get("properties").and_then(Value::as_object);
    let missing: Vec<String> =
        used.into_iter().filter(|name| declared.is_none_or(|known| !known.contains_key(name))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "The variables specified in the job configuration template must be present as properties in the variables \
         schema. Your job configuration uses the following undeclared variable(s): {}.",
        missing.join(" ,")
    ))
}

/// Lists the variables that a text names as `{{ name }}`.
fn placeholders(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let inner = rest[start + 2..].trim_start();
        let end = inner.find(|c: char| !(c.is_alphanumeric() || "_.-[]$".contains(c))).unwrap_or(inner.len());
        if end > 0 && inner[end..].trim_start().starts_with("}}") {
            names.push(inner[..end].to_owned());
        }
        // The second brace may begin another one.
        rest = &rest[start + 1..];
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(template: Value) -> Result<(), String> {
        check(template.as_object().unwrap_or(&Map::new()))
    }

    #[test]
    fn a_template_declares_what_it_uses() {
        let job = json!({"command": "{{ command }}", "env": {"A": ["{{a-b}} {{  c }}"]}, "text": "{{ no name }} {{}}"});
        let variables = json!({"properties": {"command": {}, "a-b": {}, "c": {}}});
        assert_eq!(checked(json!({"job_configuration": job, "variables": variables})), Ok(()));
        assert_eq!(checked(json!({})), Ok(()));
        let missing = checked(json!({"job_configuration": job, "variables": {"properties": {"command": {}}}}));
        assert!(missing.is_err_and(|why| why.ends_with("undeclared variable(s): a-b ,c.")));
        for incomplete in [json!({"variables": variables}), json!({"job_configuration": job, "variables": {}})] {
            assert!(checked(incomplete).is_err_and(|why| why.contains("must contain both")));
        }
    }
}
