//! `flowcore artifact`: what runs have left for people to see.

use clap::{Args, Subcommand};
use flowcore::model::{Artifact, ArtifactFilter, ArtifactKind, ArtifactSelector, Page};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::listing::{Listing, may_be_more};
use super::run_report::pretty;
use crate::arguments::{LimitArguments, OutputArguments};
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::select;
use crate::session::Session;
use crate::text::{counted, one_line};

/// What is shown of the versions of a key.
const VERSIONS: [Column<'_>; 4] =
    [Column::Whole("  ID"), Column::Whole("CREATED"), Column::Whole("FLOW RUN"), Column::Text("DESCRIPTION")];

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactCommand {
    /// Lists artifacts, newest first: the newest version of each key.
    ///
    /// With --all, --key or --flow-run it lists earlier versions and artifacts without a key as well.
    Ls(Ls),
    /// Shows an artifact, texts as text and tables as tables, and lists the versions of its key.
    ///
    /// JSON is an array of the versions, newest first.
    Inspect(Inspect),
    /// Deletes an artifact: all versions of a key, or with --id a single one.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// All versions, and artifacts without a key.
    #[arg(long, short)]
    all: bool,
    /// Only artifacts of this key.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only artifacts of this flow run: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The artifact: its key, which means its newest version, or its id or the beginning of it (at least 4 digits).
    #[arg(value_name = "KEY|ID")]
    artifact: String,
    /// How many versions to list at most.
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    limit: u32,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The key, all versions of which are deleted.
    #[arg(required_unless_present = "id")]
    key: Option<String>,
    /// The id, or the beginning of it (at least 4 digits), of the one artifact that is deleted.
    #[arg(long, value_name = "ID", conflicts_with = "key")]
    id: Option<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(command: ArtifactCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        ArtifactCommand::Ls(arguments) => ls(arguments, session).await,
        ArtifactCommand::Inspect(arguments) => inspect(&arguments, session).await,
        ArtifactCommand::Delete(arguments) => delete(arguments, session).await,
    }
}

async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let latest = !arguments.all && arguments.key.is_none() && arguments.flow_run.is_none();
    let flow_run_ids = match &arguments.flow_run {
        Some(text) => Some(vec![select::flow_run(&*session.client, text).await?.id]),
        None => None,
    };
    let keys = arguments.key.map(|key| vec![key]);
    let filter =
        ArtifactFilter { keys, flow_run_ids, latest, page: arguments.limit.page(), ..ArtifactFilter::default() };
    let artifacts = session.client.artifacts(&filter).await?;
    let listing = Listing {
        columns: &[
            Column::Whole("ID"),
            Column::Text("KEY"),
            Column::Whole("TYPE"),
            Column::Whole("CREATED"),
            Column::Text("DESCRIPTION"),
        ],
        row,
        none: "No artifacts were found.".to_owned(),
        more: may_be_more(session.out, artifacts.len(), arguments.limit.rows(), "newest"),
    };
    listing.print(session.out, arguments.output, &artifacts)
}

async fn inspect(arguments: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let page = Page::first(arguments.limit);
    let of_key = ArtifactFilter { page, ..ArtifactFilter::of_key(&arguments.artifact) };
    let mut versions = session.client.artifacts(&of_key).await?;
    if versions.is_empty() {
        versions = vec![select::artifact_by_id(&*session.client, &arguments.artifact).await?];
    }
    if arguments.output.json() {
        return session.out.json(&versions);
    }
    let Some(newest) = versions.first() else { return Ok(()) };
    show(session.out, newest)?;
    if versions.len() > 1 {
        session.out.heading("Versions")?;
        let rows: Vec<Vec<String>> = versions.iter().map(|version| version_row(session.out, version)).collect();
        session.out.table(&VERSIONS, &rows)?;
    }
    Ok(())
}

async fn delete(arguments: Delete, session: &mut Session<'_>) -> Result<(), Failure> {
    let (which, what) = match (arguments.id, arguments.key) {
        (Some(id), _) => {
            let id = select::artifact_by_id(&*session.client, &id).await?.id;
            (ArtifactSelector::Id(id), format!("the artifact {id}"))
        }
        (None, key) => {
            let key = key.unwrap_or_default();
            let versions = ArtifactFilter { page: Page::ALL, ..ArtifactFilter::of_key(&key) };
            let count = session.client.artifacts(&versions).await?.len();
            if count == 0 {
                return Err(select::no_artifact(&key));
            }
            let what = format!("{} of the artifact '{}'", counted(count, "version"), one_line(&key));
            (ArtifactSelector::Key(key), what)
        }
    };
    arguments.confirmation.ask(session.out, || format!("Delete {what}?"))?;
    session.client.delete_artifacts(&which).await?;
    session.out.line(format!("Deleted {what}."))
}

fn row(out: &Output, artifact: &Artifact) -> Vec<String> {
    vec![
        artifact.id.to_string(),
        artifact.key.clone().unwrap_or_else(|| "-".to_owned()),
        artifact.kind.as_str().to_owned(),
        out.time(artifact.created),
        artifact.description.clone().unwrap_or_default(),
    ]
}

fn show(out: &mut Output, artifact: &Artifact) -> Result<(), Failure> {
    let mut fields = vec![("Artifact", artifact.key.clone().unwrap_or_else(|| "(no key)".to_owned()))];
    fields.push(("ID", artifact.id.to_string()));
    fields.push(("Type", artifact.kind.as_str().to_owned()));
    fields.extend(artifact.description.clone().map(|description| ("Description", description)));
    fields.extend(artifact.flow_run_id.map(|id| ("Flow run", id.to_string())));
    fields.extend(artifact.task_run_id.map(|id| ("Task run", id.to_string())));
    fields.push(("Created", out.time(artifact.created)));
    if artifact.updated != artifact.created {
        fields.push(("Updated", out.time(artifact.updated)));
    }
    out.fields(&fields)?;
    out.line("")?;
    if artifact.kind == ArtifactKind::Table
        && let Some((header, rows)) = table(&artifact.data)
    {
        let header: Vec<Column<'_>> = header.iter().map(|column| Column::Text(column)).collect();
        return out.table(&header, &rows);
    }
    match (&artifact.kind, &artifact.data) {
        (ArtifactKind::Progress, progress) => out.line(format!("{progress} %")),
        (_, Value::String(text)) => out.line(text.trim_end()),
        (_, data) => out.line(pretty(&data.to_string())),
    }
}

fn version_row(out: &Output, version: &Artifact) -> Vec<String> {
    vec![
        format!("  {}", version.id),
        out.time(version.created),
        version.flow_run_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        version.description.clone().unwrap_or_default(),
    ]
}

/// A row as it was written: its columns in their order, which a JSON object does not promise to keep.
struct Row(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;

        impl<'de> Visitor<'de> for Cells {
            type Value = Row;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Row, M::Error> {
                let mut cells = Vec::new();
                while let Some(cell) = map.next_entry()? {
                    cells.push(cell);
                }
                Ok(Row(cells))
            }
        }

        deserializer.deserialize_map(Cells)
    }
}

/// Reads a table: its header, and a text for each cell. `None` if the data are no array of objects.
fn table(data: &Value) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let text = match data {
        Value::String(text) => text.clone(),
        data => data.to_string(),
    };
    let rows: Vec<Row> = serde_json::from_str(&text).ok()?;
    let mut header: Vec<String> = Vec::new();
    for (column, _) in rows.iter().flat_map(|row| &row.0) {
        if !header.contains(column) {
            header.push(column.clone());
        }
    }
    let cell = |row: &Row, column: &String| {
        let found = row.0.iter().find(|(name, _)| name == column).map(|(_, value)| value);
        match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        }
    };
    let cells = rows.iter().map(|row| header.iter().map(|column| cell(row, column)).collect()).collect();
    Some((header, cells))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn columns_keep_their_order_and_holes_stay_empty() {
        let data = Value::String(r#"[{"name": "b", "age": 1}, {"name": null, "zip": [2]}]"#.to_owned());
        let (header, rows) = table(&data).unwrap();
        assert_eq!(header, ["name", "age", "zip"]);
        assert_eq!(rows, [["b", "1", ""], ["", "", "[2]"]]);
    }

    #[test]
    fn what_is_no_array_of_objects_is_no_table() {
        for data in [Value::String("plain".to_owned()), serde_json::json!([1, 2]), serde_json::json!({"a": [1]})] {
            assert!(table(&data).is_none(), "{data}");
        }
        assert!(table(&serde_json::json!([{"a": 1}])).is_some());
    }
}
