//! What only the server knows: blocks and variables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use flowcore::client::{Client, ClientError, Request, path_segment};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fill::{Found, at_path, fill};
use super::find::{Kind, Piece, pieces};
use crate::credentials::is_withheld;

/// Says why placeholders cannot be replaced. No value of a block is ever part of it.
#[derive(Debug, thiserror::Error)]
pub enum PlaceholderError {
    /// The server cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A placeholder names no block.
    #[error("`{0}` names no block: write prefect.blocks.TYPE.NAME or prefect.blocks.TYPE.NAME.FIELD")]
    NoName(String),
    /// There is no such block.
    #[error("there is no block `{name}` of the type `{kind}`: make it, or correct the placeholder")]
    NoBlock {
        /// The slug of its type.
        kind: String,
        /// Its name.
        name: String,
    },
    /// There is no block of that id.
    #[error("there is no block of the id {0}: make one, and refer to it")]
    NoReferenced(String),
    /// There is no such variable.
    #[error("there is no variable `{0}`: set it with `flowcore variable set`, or correct the placeholder")]
    NoVariable(String),
    /// A variable of the environment is not for runs.
    #[error("the environment variable `{0}` is the worker's own, which no job gets")]
    Withheld(String),
    /// The block has no such field.
    #[error("the block `{kind}/{name}` has no field `{field}`")]
    NoField {
        /// The slug of its type.
        kind: String,
        /// Its name.
        name: String,
        /// The path that was looked for.
        field: String,
    },
    /// A block's field that is no text cannot be part of one.
    #[error("`{0}` is a list or an object, which cannot be part of a text: name one of its fields")]
    NoText(String),
}

/// Replaces placeholders for blocks and variables.
#[derive(Clone)]
pub struct Resolver {
    client: Arc<dyn Client>,
}

/// A block document, of which only its values matter.
#[derive(Deserialize)]
struct Block {
    data: Map<String, Value>,
}

#[derive(Deserialize)]
struct Variable {
    value: Value,
}

impl Resolver {
    /// Makes one that asks this client's server.
    pub fn new(client: Arc<dyn Client>) -> Self {
        Resolver { client }
    }

    /// Replaces placeholders for blocks and variables. Those for outputs of steps and for the environment stay.
    ///
    /// # Errors
    ///
    /// The server cannot be asked; a block is not there, or has not what is asked of it.
    pub async fn resolve(&self, value: &Value) -> Result<Value, PlaceholderError> {
        let known = self.look_up(value).await?;
        let look = |kind: Kind, name: &str| {
            let Some(asked) = asked(kind) else { return Found::Left };
            let found = known.get(&(asked, name.to_owned())).cloned().flatten();
            found.map_or(Found::Nothing, Found::Value)
        };
        let filled = fill(value, &|kind, name| Ok::<_, PlaceholderError>(look(kind, name)))?;
        Ok(filled.unwrap_or_default())
    }

    /// Replaces all that is left to be replaced in a job: placeholders for blocks, for variables, which have to be there as well,
    /// and for this machine's environment, and references to blocks by their ids.
    pub(crate) async fn resolve_job(&self, job: Map<String, Value>) -> Result<Map<String, Value>, PlaceholderError> {
        let job = Value::Object(job);
        let known = self.look_up(&job).await?;
        let look = |kind: Kind, name: &str| match kind {
            Kind::Environment if is_withheld(name) => Err(PlaceholderError::Withheld(name.to_owned())),
            Kind::Environment => Ok(std::env::var(name).map_or(Found::Nothing, |text| Found::Value(text.into()))),
            Kind::Output => Ok(Found::Left),
            Kind::Block | Kind::Variable => match asked(kind).and_then(|asked| known.get(&(asked, name.to_owned()))) {
                Some(Some(value)) => Ok(Found::Value(value.clone())),
                _ => Err(PlaceholderError::NoVariable(name.to_owned())),
            },
        };
        let mut filled = fill(&job, &look)?.unwrap_or_default();
        let mut references = BTreeSet::new();
        references_in(&mut filled, &mut |reference, _| {
            references.insert(reference.to_owned());
        });
        let mut blocks = HashMap::new();
        for id in references {
            let block = self.block_at(format!("/block_documents/{}?include_secrets=true", path_segment(&id))).await?;
            let block = block.ok_or_else(|| PlaceholderError::NoReferenced(id.clone()))?;
            blocks.insert(id, block);
        }
        references_in(&mut filled, &mut |reference, value| {
            if let Some(block) = blocks.get(reference) {
                *value = Value::Object(block.clone());
            }
        });
        Ok(match filled {
            Value::Object(job) => job,
            _ => Map::new(),
        })
    }

    /// Reads all that the placeholders of a value name. None: there is no such variable.
    async fn look_up(&self, value: &Value) -> Result<HashMap<(Asked, String), Option<Value>>, PlaceholderError> {
        let mut names = BTreeMap::new();
        collect(value, &mut names);
        let mut known = HashMap::new();
        for ((kind, name), within_text) in names {
            let found = match kind {
                Asked::Block => Some(self.block(&name).await?),
                Asked::Variable => self.variable(&name).await?,
            };
            if kind == Asked::Block && within_text && matches!(found, Some(Value::Array(_) | Value::Object(_))) {
                return Err(PlaceholderError::NoText(format!("prefect.blocks.{name}")));
            }
            known.insert((kind, name), found);
        }
        Ok(known)
    }

    /// Reads a block, or a field of it: `TYPE.NAME.FIELD`.
    async fn block(&self, name: &str) -> Result<Value, PlaceholderError> {
        let mut parts = name.splitn(3, '.');
        let (Some(kind), Some(document)) = (parts.next(), parts.next()) else {
            return Err(PlaceholderError::NoName(name.to_owned()));
        };
        let path = format!(
            "/block_types/slug/{}/block_documents/name/{}?include_secrets=true",
            path_segment(kind),
            path_segment(document)
        );
        let Some(data) = self.block_at(path).await? else {
            return Err(PlaceholderError::NoBlock { kind: kind.to_owned(), name: document.to_owned() });
        };
        field(data, parts.next()).map_err(|field| PlaceholderError::NoField {
            kind: kind.to_owned(),
            name: document.to_owned(),
            field: field.to_owned(),
        })
    }

    async fn block_at(&self, path: String) -> Result<Option<Map<String, Value>>, PlaceholderError> {
        let found: Option<Block> = self.client.ask(Request::get(path, "read a block")).await?.read_if_found()?;
        Ok(found.map(|found| found.data))
    }

    async fn variable(&self, name: &str) -> Result<Option<Value>, PlaceholderError> {
        let path = format!("/variables/name/{}", path_segment(name));
        let found: Option<Variable> = self.client.ask(Request::get(path, "read a variable")).await?.read_if_found()?;
        Ok(found.map(|found| found.value))
    }
}

/// Finds a field of a block's values. A block that is nothing but a value, such as a secret, stands for the value itself.
fn field(data: Map<String, Value>, path: Option<&str>) -> Result<Value, &str> {
    let inner = |data: &Map<String, Value>| (data.len() == 1).then(|| data.get("value").cloned()).flatten();
    match (path, inner(&data)) {
        (None, Some(value)) => Ok(value),
        (None, None) => Ok(Value::Object(data)),
        (Some(path), inner) => {
            let names_value = path == "value" || path.starts_with("value.") || path.starts_with("value[");
            let found = match inner {
                Some(Value::Object(inner)) if !names_value => at_path(&inner, path).cloned(),
                _ => at_path(&data, path).cloned(),
            };
            found.ok_or(path)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Asked {
    Block,
    Variable,
}

fn asked(kind: Kind) -> Option<Asked> {
    match kind {
        Kind::Block => Some(Asked::Block),
        Kind::Variable => Some(Asked::Variable),
        Kind::Environment | Kind::Output => None,
    }
}

/// Collects what the server is to be asked for, and whether it is to be part of a text.
fn collect(value: &Value, names: &mut BTreeMap<(Asked, String), bool>) {
    match value {
        Value::String(text) => {
            let pieces = pieces(text);
            let within_text = pieces.len() > 1;
            for piece in pieces {
                if let Piece::Placeholder { kind, name, .. } = piece
                    && let Some(asked) = asked(kind)
                {
                    *names.entry((asked, name.to_owned())).or_default() |= within_text;
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, names)),
        _ => {}
    }
}

/// Visits the references to blocks in a value: each is `{"$ref": {"block_document_id": ID}}`.
fn references_in(value: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    let id = value.get("$ref").and_then(|reference| reference.get("block_document_id")?.as_str()).map(str::to_owned);
    match (id, value) {
        (Some(id), value) => visit(&id, value),
        (None, Value::Array(items)) => items.iter_mut().for_each(|item| references_in(item, visit)),
        (None, Value::Object(fields)) => fields.values_mut().for_each(|field| references_in(field, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(data: Value, path: Option<&'static str>) -> Option<Value> {
        field(data.as_object().cloned().unwrap_or_default(), path).ok()
    }

    #[test]
    fn references_are_found_wherever_they_are() {
        let mut value = json!({"a": {"$ref": {"block_document_id": "1"}}, "b": [{"c": {"$ref": {"block_document_id": "2"}}}], "$ref": 3});
        references_in(&mut value, &mut |id, value| *value = json!(id));
        assert_eq!(value, json!({"a": "1", "b": [{"c": "2"}], "$ref": 3}));
    }

    #[test]
    fn a_block_that_is_nothing_but_a_value_stands_for_it() {
        assert_eq!(of(json!({"value": "s3cret"}), None), Some(json!("s3cret")));
        assert_eq!(of(json!({"value": {"user": "u"}}), Some("user")), Some(json!("u")));
        assert_eq!(of(json!({"value": {"user": "u"}}), Some("value.user")), Some(json!("u")));
        assert_eq!(of(json!({"bucket": "b", "at": ["x"]}), Some("at[0]")), Some(json!("x")));
        assert_eq!(of(json!({"bucket": "b"}), None), Some(json!({"bucket": "b"})));
        assert_eq!(of(json!({"bucket": "b"}), Some("folder")), None);
    }
}
