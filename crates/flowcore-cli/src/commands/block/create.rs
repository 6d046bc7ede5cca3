//! `flowcore block create`.

use clap::Args;
use flowcore::client::Request;
use serde_json::{Map, Value, json};

use super::kind;
use crate::commands::deployment::{object, pairs};
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The type, such as s3-bucket; `flowcore block type ls` lists them.
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The block's name; without it, the command says what is to be said of a block.
    #[arg(long, short, value_name = "NAME")]
    name: Option<String>,
    /// A field of the block; VALUE is read as JSON where it is JSON. May be given several times.
    #[arg(long = "field", short = 'f', value_name = "FIELD=VALUE", requires = "name")]
    fields: Vec<String>,
    /// Fields as a JSON object; - reads it from standard input, where secrets belong.
    #[arg(long = "data", value_name = "JSON", requires = "name")]
    data: Option<String>,
}

pub(super) async fn run(arguments: &Create, session: &mut Session<'_>) -> Result<(), Failure> {
    let kind = kind::find(session, &arguments.kind).await?;
    let schema = kind::schema(session, &kind).await?;
    let schema = schema.ok_or_else(|| {
        Failure::new(format!("the block type `{}` has no schema: register it anew", one_line(&kind.slug)))
    })?;
    let Some(name) = &arguments.name else { return tell(&kind.slug, &schema.fields, session) };
    let mut data = arguments.data.as_deref().map(|data| object("--data", data)).transpose()?.unwrap_or_default();
    data.extend(pairs(&arguments.fields)?);
    let missing: Vec<&str> = required(&schema.fields).filter(|field| !data.contains_key(*field)).collect();
    if !missing.is_empty() {
        let (slug, missing) = (one_line(&kind.slug), missing.join(", "));
        return Err(Failure::Usage(format!("a block of the type `{slug}` has to have: {missing}")));
    }
    let body = json!({"name": name, "block_type_id": kind.id, "block_schema_id": schema.id, "data": data});
    let answer = session.client.ask(Request::post("/block_documents/", "make a block", &body)).await?;
    let slug = one_line(&format!("{}/{name}", kind.slug));
    if answer.is_conflict() {
        return Err(Failure::new(format!(
            "there is a block `{slug}` already: delete it first, or choose another name"
        )));
    }
    answer.accepted()?;
    session.out.line(format!("Made the block '{slug}'."))
}

/// Says how a block of a type is made.
fn tell(slug: &str, schema: &Map<String, Value>, session: &mut Session<'_>) -> Result<(), Failure> {
    let slug = one_line(slug);
    let fields: String = required(schema).map(|field| format!(" --field {field}=VALUE")).collect();
    let program = crate::called::name();
    session
        .out
        .line(format!("A block of the type '{slug}' is made by: {program} block create {slug} --name NAME{fields}"))?;
    session.out.line(format!("What else it may hold: {program} block type inspect {slug}"))
}

/// Lists the fields that a block has to have.
fn required(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
