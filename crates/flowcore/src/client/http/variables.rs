//! Variables over HTTP.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bodies::time;
use super::client::HttpClient;
use super::inner::Inner;
use super::reading::{any, criteria};
use crate::client::{ClientError, Repeat, Request, ServerError, VariableClient};
use crate::model::{NewVariable, Variable, VariableFilter, VariableId, VariableOrder, VariableRefusal};
use crate::wire::Moment;

/// A variable as a server tells it.
#[derive(Deserialize)]
struct VariableBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: String,
    value: Box<RawValue>,
    tags: Vec<String>,
}

impl From<VariableBody> for Variable {
    fn from(body: VariableBody) -> Self {
        let created = time(body.created).unwrap_or_default();
        Variable {
            id: VariableId(body.id),
            name: body.name,
            value: body.value,
            tags: body.tags,
            created,
            updated: time(body.updated).unwrap_or(created),
        }
    }
}

impl Inner {
    async fn set_variable(&self, new: NewVariable) -> Result<Variable, ClientError> {
        Variable::check_name(&new.name)?;
        let body = json!({"name": new.name, "value": new.value, "tags": new.tags.as_deref().unwrap_or_default()});
        let request = Request::post("/variables/", "make a variable", &body).repeat(Repeat::IfUntaken);
        let answer = self.server.ask(request).await?;
        if !answer.is_conflict() {
            return Ok(Variable::from(answer.read::<VariableBody>()?));
        }
        if !new.overwrite {
            return Err(VariableRefusal::Exists(new.name).into());
        }
        let path = format!("/variables/name/{}", new.name);
        let body = criteria([("value", Some(json!(new.value))), ("tags", new.tags.as_ref().map(|tags| json!(tags)))]);
        let changed = self.server.ask(Request::patch(&path, "change a variable", &body)).await?.found();
        let read = self.server.ask(Request::get(path, "read a variable")).await?.read_if_found::<VariableBody>()?;
        let gone = || ServerError::Refused {
            what: "change a variable".to_owned(),
            status: 404,
            detail: "it was deleted meanwhile: set it again".to_owned(),
        };
        read.filter(|_| changed).map(Variable::from).ok_or_else(|| gone().into())
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, ClientError> {
        let name = criteria([
            ("any_", filter.names.as_ref().map(|names| json!(names))),
            ("like_", filter.name_like.as_ref().map(|like| json!(like))),
        ]);
        let tags = criteria([
            ("all_", filter.tags.as_ref().map(|tags| json!(tags))),
            ("is_null_", filter.tagged.map(|tagged| json!(!tagged))),
        ]);
        let variables = criteria([
            ("id", any(filter.ids.as_deref())),
            ("name", (!name.is_empty()).then_some(Value::Object(name))),
            ("tags", (!tags.is_empty()).then_some(Value::Object(tags))),
        ]);
        let sort = match filter.order {
            VariableOrder::Name => "NAME_ASC",
            VariableOrder::NameReversed => "NAME_DESC",
            VariableOrder::Newest => "CREATED_DESC",
            VariableOrder::LastUpdated => "UPDATED_DESC",
        };
        let body = json!({"variables": variables, "sort": sort});
        let found: Vec<VariableBody> = self.rows("/variables/filter", "list variables", &body, filter.page).await?;
        Ok(found.into_iter().map(Variable::from).collect())
    }
}

#[async_trait]
impl VariableClient for HttpClient {
    async fn set_variable(&self, new: NewVariable) -> Result<Variable, ClientError> {
        self.on_thread(|inner| async move { inner.set_variable(new).await }).await
    }

    async fn delete_variable(&self, name: &str) -> Result<bool, ClientError> {
        Variable::check_name(name)?;
        let path = format!("/variables/name/{name}");
        self.on_thread(|inner| async move {
            Ok(inner.server.ask(Request::delete(path, "delete a variable")).await?.found())
        })
        .await
    }

    async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, ClientError> {
        let filter = filter.clone();
        self.on_thread(|inner| async move { inner.variables(&filter).await }).await
    }
}
