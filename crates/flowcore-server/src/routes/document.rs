//! The OpenAPI document.

use axum::http::StatusCode;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::describe::Description;
use super::table::{Route, Routes};
use crate::validation::may_be_absent;

impl Routes {
    /// Writes the table as an OpenAPI 3.1 document. `base` is where its paths begin: `/api`.
    pub(crate) fn document(&self, base: &str) -> Value {
        let mut description = Description::new();
        let mistakes = description.schemas.subschema_for::<ValidationError>();
        let mut paths: Map<String, Value> = Map::new();
        let mut bodies = Vec::new();
        for route in self.routes.iter().filter(|route| !route.websocket) {
            description.next();
            (route.operation.describe)(&mut description);
            let operations = paths.entry(route.path).or_insert_with(|| json!({}));
            let written = &mut operations[route.method.as_str().to_lowercase()];
            *written = operation(route, &description, &mistakes);
            bodies.extend(description.body.take().map(|body| (route, body)));
        }
        // What is in a body is known when all is described.
        let definitions = Value::Object(description.schemas.take_definitions(true));
        for (route, body) in bodies {
            if !may_be_absent(body.as_value(), &definitions) {
                paths[route.path][route.method.as_str().to_lowercase()]["requestBody"]["required"] = true.into();
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Flowcore REST API",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "The REST API of Prefect 3, as flowcore's server speaks it.",
            },
            "servers": [{"url": base}],
            "paths": paths,
            "x-websockets": self.routes.iter().filter(|route| route.websocket).map(|route| route.path).collect::<Vec<_>>(),
            "components": {"schemas": definitions},
        })
    }
}

fn operation(route: &Route, description: &Description, mistakes: &Schema) -> Value {
    let operation = &route.operation;
    let status = operation.status.unwrap_or(match &description.answer {
        Some(_) => StatusCode::OK,
        None => StatusCode::NO_CONTENT,
    });
    let mut answers = Map::new();
    let good = match &description.answer {
        Some(schema) => json!({"description": "It is done.", "content": content(schema)}),
        None => json!({"description": "It is done."}),
    };
    answers.insert(status.as_u16().to_string(), good);
    let parameters = parameters(route, description);
    if !parameters.is_empty() || description.body.is_some() {
        answers.insert("422".into(), json!({"description": "The request is mistaken.", "content": content(mistakes)}));
    }

    let mut written = json!({
        "operationId": operation_id(route),
        "summary": title(operation.name),
        "parameters": parameters,
        "responses": answers,
    });
    if !route.tags.is_empty() {
        written["tags"] = route.tags.into();
    }
    if let Some(body) = &description.body {
        written["requestBody"] = json!({"content": content(body)});
    }
    written
}

fn content(schema: &Schema) -> Value {
    json!({"application/json": {"schema": schema}})
}

/// Writes the name that Prefect's document has for the operation.
fn operation_id(route: &Route) -> String {
    let path = route.path.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_', "_");
    format!("{}{path}_{}", route.operation.name, route.method.as_str().to_lowercase())
}

/// Writes a name as a heading: `Read Flow`.
fn title(name: &str) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => word.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

fn parameters(route: &Route, description: &Description) -> Vec<Value> {
    let names = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let path = names.zip(&description.path);
    let mut parameters: Vec<Value> =
        path.map(|(name, schema)| json!({"in": "path", "name": name, "required": true, "schema": schema})).collect();
    if let Some(query) = &description.query {
        let none = Map::new();
        let required = |name: &str| list(query.get("required")).iter().any(|required| required == name);
        for (name, schema) in query.get("properties").and_then(Value::as_object).unwrap_or(&none) {
            parameters.push(json!({"in": "query", "name": name, "required": required(name), "schema": schema}));
        }
    }
    if route.operation.versioned {
        let schema = json!({"type": "string"});
        parameters.push(json!({"in": "header", "name": "x-prefect-api-version", "required": false, "schema": schema}));
    }
    parameters
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Why a request is refused.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HTTPValidationError")]
struct ValidationError {
    /// What is wrong, in a sentence.
    exception_message: String,
    /// Each mistake, with its place.
    exception_detail: Vec<Mistake>,
    /// What was sent.
    request_body: Value,
}

/// What is wrong in one place.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ValidationError")]
struct Mistake {
    /// What kind of mistake it is: `missing`.
    #[serde(rename = "type")]
    kind: String,
    /// Where it is: names and positions, from the outermost.
    loc: Vec<Value>,
    /// What is wrong, in a sentence.
    msg: String,
    /// What is there.
    input: Value,
}
