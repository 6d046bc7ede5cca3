//! `flowcore block type`: what kinds of blocks there are.

use clap::{Args, Subcommand};
use flowcore::client::{Request, path_segment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arguments::OutputArguments;
use crate::commands::filtered;
use crate::commands::listing::Listing;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum TypeCommand {
    /// Lists the types of blocks, by name.
    Ls(Ls),
    /// Shows a type of blocks and its fields.
    Inspect(Inspect),
    /// Deletes a type of blocks, with all blocks of it.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The type, such as s3-bucket.
    slug: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The type, such as s3-bucket.
    slug: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BlockType {
    pub(super) id: Uuid,
    name: String,
    pub(super) slug: String,
    description: Option<String>,
    documentation_url: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct BlockSchema {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
}

pub(super) async fn run(command: TypeCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        TypeCommand::Ls(Ls { output }) => ls(output, session).await,
        TypeCommand::Inspect(Inspect { slug, output }) => {
            let kind = find(session, &slug).await?;
            if output.json() { session.out.json(&kind) } else { show(&kind, session).await }
        }
        TypeCommand::Delete(Delete { slug, confirmation }) => {
            let kind = find(session, &slug).await?;
            let slug = one_line(&kind.slug);
            confirmation.ask(session.out, || format!("Delete the block type '{slug}' with all its blocks?"))?;
            let request = Request::delete(format!("/block_types/{}", kind.id), "delete a block type");
            session.client.ask(request).await?.accepted()?;
            session.out.line(format!("Deleted the block type '{slug}'."))
        }
    }
}

pub(super) async fn find(session: &Session<'_>, slug: &str) -> Result<BlockType, Failure> {
    let path = format!("/block_types/slug/{}", path_segment(slug));
    let found = session.client.ask(Request::get(path, "read a block type")).await?.read_if_found()?;
    found.ok_or_else(|| {
        Failure::new(format!("there is no block type `{}`: list them with `flowcore block type ls`", one_line(slug)))
    })
}

async fn ls(output: OutputArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut kinds: Vec<BlockType> =
        filtered::all(session, "/block_types/filter", "list block types", &json!({})).await?;
    kinds.sort_by(|one, other| one.slug.cmp(&other.slug));
    let listing = Listing {
        columns: &[Column::Whole("SLUG"), Column::Text("NAME"), Column::Text("DESCRIPTION")],
        row: |_: &Output, kind: &BlockType| {
            let first = kind.description.as_deref().and_then(|text| text.lines().next()).unwrap_or("-");
            vec![kind.slug.clone(), kind.name.clone(), first.to_owned()]
        },
        none: "There are no block types.".to_owned(),
        more: None,
    };
    listing.print(session.out, output, &kinds)
}

/// Reads the newest schema of a type, which says what its blocks hold.
pub(super) async fn schema(session: &Session<'_>, kind: &BlockType) -> Result<Option<BlockSchema>, Failure> {
    let filter = json!({"block_schemas": {"block_type_id": {"any_": [kind.id]}}, "limit": 1});
    let request = Request::post("/block_schemas/filter", "read the fields of a block type", &filter);
    let schemas: Vec<BlockSchema> = session.client.ask(request).await?.read()?;
    Ok(schemas.into_iter().next())
}

async fn show(kind: &BlockType, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut fields = vec![("Block type", kind.slug.clone()), ("ID", kind.id.to_string()), ("Name", kind.name.clone())];
    let mut say = |name: &'static str, text: &Option<String>| {
        fields.extend(text.as_deref().filter(|text| !text.is_empty()).map(|text| (name, one_line(text))));
    };
    say("Description", &kind.description);
    say("Documentation", &kind.documentation_url);
    session.out.fields(&fields)?;
    let newest = schema(session, kind).await?;
    let properties = newest.as_ref().and_then(|newest| newest.fields.get("properties")?.as_object());
    let rows = properties.into_iter().flatten().map(|(name, property)| {
        let text = |key: &str| property.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        vec![format!("  {name}"), text("type"), text("description")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    session.out.heading("Fields")?;
    session.out.table(&[Column::Whole("  NAME"), Column::Whole("TYPE"), Column::Text("DESCRIPTION")], &rows)
}
