//! What the types of a handler's arguments and answer say of an operation.

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use uuid::Uuid;

use crate::error::ApiError;
use crate::events::Countable;
use crate::extract::{Body, Id, Path, Query};
use crate::state::App;

/// What is known of an operation beyond its line in the table.
pub(crate) struct Description {
    /// Makes schemas, and keeps those with names.
    pub(super) schemas: SchemaGenerator,
    /// Of the parameters in the path, in order.
    pub(super) path: Vec<Schema>,
    /// An object whose properties are the parameters behind the path.
    pub(super) query: Option<Schema>,
    pub(super) body: Option<Schema>,
    pub(super) answer: Option<Schema>,
}

impl Description {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Description { schemas: settings.into_generator(), path: Vec::new(), query: None, body: None, answer: None }
    }

    /// Forgets the operation and keeps the schemas with names.
    pub(super) fn next(&mut self) {
        (self.path, self.query, self.body, self.answer) = (Vec::new(), None, None, None);
    }
}

/// Something that a handler takes out of a request.
pub(crate) trait Input {
    /// Adds it to the description.
    fn describe(_description: &mut Description) {}
}

impl Input for State<App> {}
impl Input for HeaderMap {}
impl Input for OriginalUri {}
impl Input for WebSocketUpgrade {}

impl<T: JsonSchema> Input for Body<T> {
    fn describe(description: &mut Description) {
        description.body = Some(description.schemas.subschema_for::<T>());
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(description: &mut Description) {
        description.query = Some(T::json_schema(&mut description.schemas));
    }
}

impl Input for Id {
    fn describe(description: &mut Description) {
        Uuid::describe(description);
    }
}

impl<T: PathParameters> Input for Path<T> {
    fn describe(description: &mut Description) {
        T::describe(description);
    }
}

impl<T: PathParameters> Input for axum::extract::Path<T> {
    fn describe(description: &mut Description) {
        T::describe(description);
    }
}

/// Parameters in a path, in order: one, or a tuple.
pub(crate) trait PathParameters {
    /// Adds them to the description.
    fn describe(description: &mut Description);
}

impl PathParameters for String {
    fn describe(description: &mut Description) {
        let schema = description.schemas.subschema_for::<String>();
        description.path.push(schema);
    }
}

impl PathParameters for Countable {
    fn describe(description: &mut Description) {
        let schema = description.schemas.subschema_for::<Countable>();
        description.path.push(schema);
    }
}

impl PathParameters for Uuid {
    fn describe(description: &mut Description) {
        let schema = description.schemas.subschema_for::<Uuid>();
        description.path.push(schema);
    }
}

impl<A: PathParameters, B: PathParameters> PathParameters for (A, B) {
    fn describe(description: &mut Description) {
        A::describe(description);
        B::describe(description);
    }
}

/// Something that a handler answers.
pub(crate) trait Output {
    /// Adds it to the description.
    fn describe(_description: &mut Description) {}
}

impl Output for StatusCode {}
impl Output for Response {}
impl Output for ApiError {}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(description: &mut Description) {
        description.answer = Some(description.schemas.subschema_for::<T>());
    }
}

impl<T: Output> Output for (StatusCode, T) {
    fn describe(description: &mut Description) {
        T::describe(description);
    }
}

impl<T: Output> Output for Result<T, ApiError> {
    fn describe(description: &mut Description) {
        T::describe(description);
    }
}
