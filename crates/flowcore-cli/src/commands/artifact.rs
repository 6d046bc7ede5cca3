//! `flowcore artifact`: what runs have left for people to see.

use clap::{Args, Subcommand};
use flowcore::model::{Artifact, ArtifactFilter, ArtifactKind};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::listing::{Listing, may_be_more};
use super::run_report::pretty;
use crate::arguments::{LimitArguments, OutputArguments};
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::select;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactCommand {
    /// Lists artifacts, newest first.
    Ls(Ls),
    /// Shows an artifact: texts as text, tables as tables.
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only artifacts of this key.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only artifacts of this flow run: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
    /// Only the newest artifact of each key.
    #[arg(long)]
    latest: bool,
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
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn run(command: ArtifactCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        ArtifactCommand::Ls(arguments) => ls(arguments, session).await,
        ArtifactCommand::Inspect(arguments) => {
            let artifact = select::artifact(&*session.client, &arguments.artifact).await?;
            if arguments.output.json() { session.out.json(&artifact) } else { show(session.out, &artifact) }
        }
    }
}

async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let flow_run_id = match &arguments.flow_run {
        Some(text) => Some(select::flow_run(&*session.client, text).await?.id),
        None => None,
    };
    let page = arguments.limit.page();
    let filter =
        ArtifactFilter { key: arguments.key, flow_run_id, latest: arguments.latest, page, ..ArtifactFilter::default() };
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
