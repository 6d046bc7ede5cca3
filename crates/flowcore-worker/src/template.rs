//! Base job templates: what a pool says of jobs, with variables that deployments and runs fill in.

use std::convert::Infallible;

use serde_json::{Map, Value};

use crate::placeholders::{self, Found, Kind};

/// Fills in a template: the default of each variable, over it what the deployment says, over that what the run says. A
/// placeholder that is the whole of a text becomes the value itself; one without a value takes its field away.
pub(crate) fn fill(template: &Map<String, Value>, overrides: &[&Map<String, Value>]) -> Map<String, Value> {
    let object = |name: &str| template.get(name).and_then(Value::as_object);
    let mut values = Map::new();
    for (name, property) in
        object("variables").and_then(|part| part.get("properties")?.as_object()).into_iter().flatten()
    {
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            values.insert(name.clone(), default.clone());
        }
    }
    for said in overrides {
        // As in Prefect, `env.NAME` is one variable, and `env` goes before it.
        let (dotted, plain): (Vec<_>, Vec<_>) = said.iter().partition(|(name, _)| name.contains('.'));
        for (name, value) in dotted.into_iter().chain(plain) {
            merge(&mut values, name, value);
        }
    }
    let mut job = object("job_configuration").cloned().unwrap_or_default();
    // A template with an environment of its own has the one that is said over it.
    if let (Some(Value::Object(own)), Some(Value::Object(said))) = (job.get_mut("env"), values.get("env")) {
        own.extend(said.clone());
    }
    match filled(&Value::Object(job), &values) {
        Some(Value::Object(mut job)) => {
            // What no template speaks of is of use to a process all the same.
            for name in ["env", "working_dir", "command"] {
                if let (false, Some(value)) = (job.contains_key(name), values.get(name)) {
                    job.insert(name.to_owned(), value.clone());
                }
            }
            job
        }
        _ => Map::new(),
    }
}

/// Sets a value; of environments each variable by itself.
fn merge(values: &mut Map<String, Value>, name: &str, value: &Value) {
    if let Some((outer, inner)) = name.split_once('.') {
        let outer = values.entry(outer).or_insert(Value::Null);
        if !outer.is_object() {
            *outer = Value::Object(Map::new());
        }
        if let Value::Object(fields) = outer {
            merge(fields, inner, value);
        }
        return;
    }
    match (values.get_mut(name), value) {
        (Some(Value::Object(under)), Value::Object(over)) if name == "env" => under.extend(over.clone()),
        _ => drop(values.insert(name.to_owned(), value.clone())),
    }
}

/// Fills in a job; None: its placeholders are all there is of it, and have no values.
fn filled(job: &Value, values: &Map<String, Value>) -> Option<Value> {
    let look = |kind: Kind, name: &str| {
        let found = match kind {
            Kind::Output => values.get(name).map_or(Found::Nothing, |value| Found::Value(value.clone())),
            Kind::Block | Kind::Variable | Kind::Environment => Found::Left,
        };
        Ok::<_, Infallible>(found)
    };
    match placeholders::fill(job, &look) {
        Ok(job) => job,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn values_come_from_the_run_the_deployment_and_the_defaults() {
        let template = object(json!({
            "job_configuration": {
                "command": "{{ command }}", "env": "{{ env }}", "labels": {"who": "of {{ name }} ({{ size }})"}, "gone": "{{ gone }}",
            },
            "variables": {"properties": {
                "command": {"default": "run"}, "env": {"default": {"A": "1", "B": "1"}}, "name": {}, "size": {"default": 3}, "gone": {},
            }},
        }));
        let (deployment, run) =
            (object(json!({"env": {"B": "2"}, "name": "x"})), object(json!({"env": {"C": "3"}, "name": "y"})));
        let filled = fill(&template, &[&deployment, &run]);
        let expected = json!({"command": "run", "env": {"A": "1", "B": "2", "C": "3"}, "labels": {"who": "of y (3)"}});
        assert_eq!(Value::Object(filled), expected);
    }

    #[test]
    fn an_environment_in_the_template_has_the_one_that_is_said_over_it() {
        let template = object(json!({
            "job_configuration": {"env": {"A": "1", "B": "1", "C": "1", "D": "of {{ name }}"}},
            "variables": {"properties": {"env": {"default": {"B": "2"}}, "name": {"default": "x"}}},
        }));
        let (deployment, run) = (object(json!({"env.C": "2", "env": {"E": "1"}})), object(json!({"env.E": "2"})));
        let expected = json!({"env": {"A": "1", "B": "2", "C": "2", "D": "of x", "E": "2"}});
        assert_eq!(Value::Object(fill(&template, &[&deployment, &run])), expected);
    }

    #[test]
    fn without_a_template_a_process_has_what_is_said_for_it() {
        let said = object(json!({"env": {"A": "1"}, "working_dir": "/tmp", "image": "x"}));
        assert_eq!(Value::Object(fill(&Map::new(), &[&said])), json!({"env": {"A": "1"}, "working_dir": "/tmp"}));
    }
}
