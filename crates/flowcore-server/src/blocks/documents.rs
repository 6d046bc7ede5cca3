//! Blocks: making and changing them, and reading them with the blocks that stand in them.

use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;
use flowcore::store::query::{Selection, Values};
use flowcore::store::records::{Record, Tx};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::block_document::{self, BlockDocument};
use super::block_schema::{self, BlockSchema, DEEPEST};
use super::block_type::{self, BlockType, BlockTypeBody};
use super::schemas::{BlockSchemaBody, Schemas, by_ids};
use super::secrets;
use crate::encryption::Keys;
use crate::error::ApiError;
use crate::events::NewEvent;
use crate::state::App;

type Data = Map<String, Json>;

/// A block, as it is answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct BlockDocumentBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: Option<String>,
    data: Data,
    block_schema_id: Uuid,
    block_schema: Option<BlockSchemaBody>,
    block_type_id: Uuid,
    block_type_name: Option<String>,
    block_type: Option<BlockTypeBody>,
    block_document_references: BTreeMap<String, Data>,
    is_anonymous: bool,
}

impl BlockDocumentBody {
    /// Tells what has become of the block; of one without a name, nothing is told.
    pub(crate) fn event(&self, action: &str) -> Option<NewEvent> {
        if self.is_anonymous {
            return None;
        }
        let secrets = self.block_schema.as_ref().map(BlockSchemaBody::secret_fields).unwrap_or_default();
        let open = |(name, value): (&String, &Json)| {
            (value.is_string() && !secrets.contains(&name.as_str())).then(|| (name.clone(), value.clone()))
        };
        let schema = self.block_schema.as_ref().map(|schema| {
            json!({
                "capabilities": schema.capabilities,
                "block_type": {"id": self.block_type_id, "name": self.block_type_name},
            })
        });
        let event =
            NewEvent::of(format!("prefect.block-document.{action}"), format!("prefect.block-document.{}", self.id));
        let kind = self.block_type_name.as_deref();
        let event = event
            .name(self.name.as_deref().unwrap_or_default())
            .related(format!("prefect.block-type.{}", self.block_type_id), "block-type", kind)
            .related(format!("prefect.block-schema.{}", self.block_schema_id), "block-schema", None)
            .payload("name", &self.name)
            .payload("data", self.data.iter().filter_map(open).collect::<Data>())
            .payload("block_schema", schema);
        Some(event)
    }
}

/// Reads blocks with all that stand in them. Secrets are hidden unless they are wanted.
pub(crate) async fn bodies(
    app: &App,
    roots: Vec<BlockDocument>,
    include_secrets: bool,
) -> Result<Vec<BlockDocumentBody>, ApiError> {
    let order: Vec<Uuid> = roots.iter().map(|document| document.id).collect();
    let mut documents: HashMap<Uuid, BlockDocument> = roots.into_iter().map(|root| (root.id, root)).collect();
    loop {
        let nested = documents.values().flat_map(|document| document.nested.values());
        let missing: Vec<Uuid> = nested.copied().filter(|id| !documents.contains_key(id)).collect();
        let found = by_ids::<BlockDocument>(app, block_document::ID, missing).await?;
        if found.is_empty() {
            break;
        }
        documents.extend(found.into_iter().map(|document| (document.id, document)));
    }
    let schemas = documents.values().map(|document| document.block_schema_id).collect();
    let schemas = Schemas::by_ids(app, schemas).await?;
    let types = documents.values().map(|document| document.block_type_id).collect();
    let types = by_ids::<BlockType>(app, block_type::ID, types).await?;
    let types = types.iter().map(|kind| (kind.id, BlockTypeBody::from(kind))).collect();
    let reading = Reading { keys: app.keys()?, documents, schemas, types, include_secrets };
    order.into_iter().filter_map(|id| reading.body(id).transpose()).collect()
}

/// Blocks, with all that is needed to write them out.
struct Reading<'a> {
    keys: &'a Keys,
    documents: HashMap<Uuid, BlockDocument>,
    schemas: Schemas,
    types: HashMap<Uuid, BlockTypeBody>,
    include_secrets: bool,
}

impl Reading<'_> {
    fn body(&self, id: Uuid) -> Result<Option<BlockDocumentBody>, ApiError> {
        let Some(document) = self.documents.get(&id) else { return Ok(None) };
        let (data, block_document_references) = self.content(document, 0)?;
        Ok(Some(BlockDocumentBody {
            id,
            created: Some(document.created.into()),
            updated: Some(document.updated.into()),
            name: Some(document.name.clone()),
            data,
            block_schema_id: document.block_schema_id,
            block_schema: self.schemas.body(document.block_schema_id),
            block_type_id: document.block_type_id,
            block_type_name: Some(document.block_type_name.clone()),
            block_type: self.types.get(&document.block_type_id).cloned(),
            block_document_references,
            is_anonymous: document.is_anonymous,
        }))
    }

    /// Gives what a block holds, and by the names of fields which blocks stand there.
    fn content(&self, document: &BlockDocument, depth: usize) -> Result<(Data, BTreeMap<String, Data>), ApiError> {
        let mut data = decrypt(self.keys, document)?;
        if !self.include_secrets
            && let Some(schema) = self.schemas.get(document.block_schema_id)
        {
            secrets::hide(&mut data, schema.secret_fields());
        }
        let mut references = BTreeMap::new();
        let nested = document.nested.iter().filter(|_| depth < DEEPEST);
        for (field, inner) in nested.filter_map(|(field, id)| Some((field, self.documents.get(id)?))) {
            let (inner_data, inner_references) = self.content(inner, depth + 1)?;
            data.insert(field.clone(), Json::Object(inner_data));
            let reference = json!({
                "id": inner.id,
                "name": inner.name,
                "block_type": self.types.get(&inner.block_type_id),
                "is_anonymous": inner.is_anonymous,
                "block_document_references": inner_references,
            });
            references.insert(field.clone(), Data::from_iter([("block_document".to_owned(), reference)]));
        }
        Ok((data, references))
    }
}

fn decrypt(keys: &Keys, document: &BlockDocument) -> Result<Data, ApiError> {
    let opened = keys.open(&document.data, document.id).ok();
    opened.and_then(|(plain, _)| serde_json::from_slice(&plain).ok()).ok_or_else(|| {
        let why = format!(
            "the block {} cannot be decrypted: the key that it was encrypted with is not among this server's",
            document.name
        );
        ApiError::Refused(StatusCode::INTERNAL_SERVER_ERROR, why)
    })
}

fn encrypt(keys: &Keys, data: &Data, id: Uuid) -> Result<Vec<u8>, ApiError> {
    let failed = |why: String| ApiError::Refused(StatusCode::INTERNAL_SERVER_ERROR, why);
    let plain = serde_json::to_vec(data).map_err(|error| failed(error.to_string()))?;
    keys.seal(&plain, id).map_err(|error| failed(error.to_string()))
}

/// A block to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewDocument {
    pub(crate) name: Option<String>,
    pub(crate) data: Data,
    pub(crate) block_schema_id: Uuid,
    pub(crate) block_type_id: Uuid,
    pub(crate) is_anonymous: bool,
}

/// Makes a block.
pub(crate) async fn create(app: &App, new: NewDocument) -> Result<BlockDocument, ApiError> {
    let (id, now) = (app.clock.uuid(), app.now());
    let (data, nested) = separate(new.data)?;
    let mut document = BlockDocument {
        id,
        created: now,
        updated: now,
        name: new.name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("anonymous-{id}")),
        is_anonymous: new.is_anonymous,
        block_type_id: new.block_type_id,
        block_type_name: String::new(),
        block_schema_id: new.block_schema_id,
        data: encrypt(app.keys()?, &data, id)?,
        nested,
    };
    document.block_type_name = app
        .store
        .records()
        .first::<BlockType>(block_type::ID.is(new.block_type_id))
        .await?
        .ok_or(ApiError::NotFound("Block type not found"))?
        .name;
    app.store
        .records()
        .transact(move |tx| {
            let document = document.clone();
            Box::pin(async move {
                if tx.first::<BlockSchema>(block_schema::ID.is(document.block_schema_id)).await?.is_none() {
                    return Err(ApiError::NotFound("Block schema not found"));
                }
                check_nested(tx, &document).await?;
                if !tx.insert_new(&document).await? {
                    return Err(ApiError::Refused(StatusCode::CONFLICT, "Block already exists".to_owned()));
                }
                Ok(document)
            })
        })
        .await
}

/// What is to change of a block.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) block_schema_id: Option<Uuid>,
    /// What fields are to hold. Secrets that come as they were shown stay as they are.
    pub(crate) data: Option<Data>,
    /// Whether fields that are not named stay as they are. Blocks that stand in fields do not: they are named each time, as
    /// in Prefect.
    pub(crate) merge: bool,
}

/// Changes a block.
pub(crate) async fn change(app: &App, id: Uuid, change: Change) -> Result<BlockDocument, ApiError> {
    let (keys, now) = (app.keys()?.clone(), app.now());
    app.store
        .records()
        .transact(move |tx| {
            let (keys, change) = (keys.clone(), change.clone());
            Box::pin(async move {
                let known = tx.lock_first::<BlockDocument>(block_document::ID.is(id)).await?;
                let mut document = known.ok_or(ApiError::NotFound("Block document not found"))?;
                let schema = tx.first::<BlockSchema>(block_schema::ID.is(document.block_schema_id)).await?;
                if let Some(mut data) = change.data {
                    let mut known = decrypt(&keys, &document)?;
                    if let Some(schema) = &schema {
                        secrets::keep(&mut data, &known, schema.secret_fields());
                    }
                    let (data, nested) = separate(data)?;
                    if change.merge {
                        known.retain(|field, _| !nested.contains_key(field));
                        known.extend(data);
                    } else {
                        known = data;
                    }
                    document.data = encrypt(&keys, &known, id)?;
                    document.nested = nested;
                    check_nested(tx, &document).await?;
                }
                if let Some(proposed) = change.block_schema_id.filter(|id| *id != document.block_schema_id) {
                    let proposed = tx.first::<BlockSchema>(block_schema::ID.is(proposed)).await?;
                    let proposed = proposed.ok_or(ApiError::NotFound("Block schema not found"))?;
                    if proposed.block_type_id != document.block_type_id {
                        return Err(refused("a block can go over to a schema of its own block type only"));
                    }
                    document.block_schema_id = proposed.id;
                }
                document.updated = now;
                tx.put(&document).await?;
                Ok(document)
            })
        })
        .await
}

/// Separates the blocks that stand in fields, `{"$ref": {"block_document_id": ..}}`, from what other fields hold.
fn separate(data: Data) -> Result<(Data, BTreeMap<String, Uuid>), ApiError> {
    let mut others = Data::new();
    let mut nested = BTreeMap::new();
    for (field, value) in data {
        match value.get("$ref") {
            None => drop(others.insert(field, value)),
            Some(reference) => {
                let id = reference["block_document_id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
                let id = id.ok_or_else(|| refused(format!("the reference in {field} has no block_document_id")))?;
                nested.insert(field, id);
            }
        }
    }
    Ok((others, nested))
}

/// Checks that the blocks in a block's fields are there, and that it does not stand in itself.
async fn check_nested(tx: &mut Tx<'_>, document: &BlockDocument) -> Result<(), ApiError> {
    let mut wanted: Vec<Uuid> = document.nested.values().copied().collect();
    let mut level = 0;
    while !wanted.is_empty() {
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.contains(&document.id) || level > DEEPEST {
            return Err(refused(format!("a block cannot stand in itself, nor more than {DEEPEST} deep in others")));
        }
        let selection = Selection {
            condition: block_document::ID.one_of(Values::Ids(wanted.clone())),
            sort: Vec::new(),
            page: flowcore::model::Page::first(u32::MAX),
        };
        let found = tx.list::<BlockDocument>(&selection).await?;
        if level == 0
            && let Some(missing) = wanted.iter().find(|id| !found.iter().any(|found| found.id == **id))
        {
            return Err(refused(format!("there is no block {missing} to stand in a field")));
        }
        wanted = found.iter().flat_map(|found| found.nested.values().copied()).collect();
        level += 1;
    }
    Ok(())
}

/// Deletes a block. It is in no field of others any more.
pub(crate) async fn delete(app: &App, id: Uuid) -> Result<(), ApiError> {
    let condition = block_document::ID.is(id);
    let deleted = app
        .store
        .records()
        .transact(move |tx| {
            let condition = condition.clone();
            Box::pin(async move { tx.delete(BlockDocument::TABLE, condition).await.map_err(ApiError::from) })
        })
        .await?;
    if deleted > 0 { Ok(()) } else { Err(ApiError::NotFound("Block document not found")) }
}

fn refused(why: impl Into<String>) -> ApiError {
    ApiError::Refused(StatusCode::BAD_REQUEST, why.into())
}
