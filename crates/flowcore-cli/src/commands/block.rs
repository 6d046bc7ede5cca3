//! `flowcore block`: what is configured once and used under its name, and its types.

mod create;
mod kind;

use clap::{Args, Subcommand};
use flowcore::client::{Request, path_segment};
use flowcore::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filtered;
use super::listing::Listing;
use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// Lists blocks, by type and name.
    Ls(Ls),
    /// Makes a block, or shows what is to be said of one.
    Create(create::Create),
    /// Shows a block, without its secrets.
    Inspect(Inspect),
    /// Deletes a block.
    Delete(Delete),
    /// Looks at the types of blocks, and deletes them.
    #[command(subcommand, alias = "types")]
    Type(kind::TypeCommand),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    output: OutputArguments,
}

/// Which block is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The block: TYPE/NAME, such as secret/api-key.
    #[arg(value_name = "TYPE/NAME", required_unless_present = "id")]
    slug: Option<String>,
    /// The block's id.
    #[arg(long, value_name = "ID", conflicts_with = "slug")]
    id: Option<Uuid>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
struct Block {
    id: Uuid,
    name: Option<String>,
    #[serde(default)]
    data: Map<String, Value>,
    block_type: Option<TypeOf>,
    updated: Option<Timestamp>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct TypeOf {
    slug: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Block {
    /// Names it as the command line does.
    fn slug(&self) -> String {
        let kind = self.block_type.as_ref().map_or("-", |kind| &kind.slug);
        format!("{kind}/{}", self.name.as_deref().unwrap_or("-"))
    }
}

pub(super) async fn run(command: BlockCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        BlockCommand::Ls(Ls { output }) => ls(output, session).await,
        BlockCommand::Create(arguments) => create::run(&arguments, session).await,
        BlockCommand::Inspect(Inspect { which, output }) => {
            let block = which.find(session).await?;
            if output.json() { session.out.json(&block) } else { show(session.out, &block) }
        }
        BlockCommand::Delete(Delete { which, confirmation }) => {
            let block = which.find(session).await?;
            let slug = one_line(&block.slug());
            confirmation.ask(session.out, || format!("Delete the block '{slug}'?"))?;
            let request = Request::delete(format!("/block_documents/{}", block.id), "delete a block");
            session.client.ask(request).await?.accepted()?;
            session.out.line(format!("Deleted the block '{slug}'."))
        }
        BlockCommand::Type(command) => kind::run(command, session).await,
    }
}

impl Which {
    async fn find(&self, session: &Session<'_>) -> Result<Block, Failure> {
        let (path, text) = match (&self.id, &self.slug) {
            (Some(id), _) => (format!("/block_documents/{id}"), id.to_string()),
            (None, slug) => {
                let slug = slug.clone().unwrap_or_default();
                let Some((kind, name)) = slug.split_once('/') else {
                    let slug = one_line(&slug);
                    return Err(Failure::Usage(format!(
                        "`{slug}` names no block: write TYPE/NAME, such as secret/api-key"
                    )));
                };
                let (kind, name) = (path_segment(kind), path_segment(name));
                (format!("/block_types/slug/{kind}/block_documents/name/{name}"), slug)
            }
        };
        let found = session.client.ask(Request::get(path, "read a block")).await?.read_if_found()?;
        found.ok_or_else(|| {
            Failure::new(format!("there is no block `{}`: list them with `flowcore block ls`", one_line(&text)))
        })
    }
}

async fn ls(output: OutputArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut blocks: Vec<Block> = filtered::all(session, "/block_documents/filter", "list blocks", &json!({})).await?;
    blocks.sort_by_cached_key(Block::slug);
    let listing = Listing {
        columns: &[Column::Whole("ID"), Column::Text("BLOCK"), Column::Whole("UPDATED")],
        row: |out: &Output, block: &Block| vec![block.id.to_string(), block.slug(), out.time_or_dash(block.updated)],
        none: "There are no blocks. `flowcore block create TYPE` makes one.".to_owned(),
        more: None,
    };
    listing.print(session.out, output, &blocks)
}

fn show(out: &mut Output, block: &Block) -> Result<(), Failure> {
    let mut fields = vec![("Block", one_line(&block.slug())), ("ID", block.id.to_string())];
    fields.push(("Updated", out.time_or_dash(block.updated)));
    out.fields(&fields)?;
    if block.data.is_empty() {
        return Ok(());
    }
    out.heading("Data")?;
    let line = |value: &Value| match value {
        Value::String(text) => one_line(text),
        other => other.to_string(),
    };
    let data: Vec<(&str, String)> = block.data.iter().map(|(name, value)| (name.as_str(), line(value))).collect();
    out.fields(&data)
}
