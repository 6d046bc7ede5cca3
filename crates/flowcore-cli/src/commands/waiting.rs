//! Runs that wait for their time, in the order in which they are to begin.

use chrono::{TimeDelta, Utc};
use clap::Args;
use flowcore::client::Request;
use flowcore::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filtered::PAGE;
use super::listing::Listing;
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct PreviewArguments {
    /// How many hours to look ahead.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) hours: u32,
    #[command(flatten)]
    pub(super) output: OutputArguments,
}

#[derive(Deserialize, Serialize)]
struct Waiting {
    id: Uuid,
    name: String,
    next_scheduled_start_time: Option<Timestamp>,
    deployment_id: Option<Uuid>,
    work_queue_name: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Prints the runs that a filter selects and that are to begin within so many hours; without hours, whenever that is.
///
/// The runs are looked at as flow runs: whoever asks for those that are due counts as somebody who takes them.
pub(super) async fn print(
    mut filter: Value,
    hours: Option<u32>,
    output: OutputArguments,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    filter["flow_runs"] = json!({"state": {"type": {"any_": ["SCHEDULED"]}}});
    if let Some(hours) = hours {
        let until = Utc::now() + TimeDelta::hours(i64::from(hours));
        filter["flow_runs"]["next_scheduled_start_time"] = json!({"before_": until});
    }
    filter["sort"] = json!("NEXT_SCHEDULED_START_TIME_ASC");
    filter["limit"] = json!(PAGE);
    let request = Request::post("/flow_runs/filter", "list the runs that wait", &filter);
    let found: Vec<Waiting> = session.client.ask(request).await?.read()?;
    let listing = Listing {
        columns: &[
            Column::Whole("SCHEDULED"),
            Column::Whole("ID"),
            Column::Text("NAME"),
            Column::Text("QUEUE"),
            Column::Whole("DEPLOYMENT"),
        ],
        row,
        none: "No runs wait.".to_owned(),
        more: (found.len() == PAGE).then(|| format!("These are the first {PAGE}.")),
    };
    listing.print(session.out, output, &found)
}

fn row(out: &Output, run: &Waiting) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        out.time_or_dash(run.next_scheduled_start_time),
        run.id.to_string(),
        run.name.clone(),
        run.work_queue_name.clone().unwrap_or_else(dash),
        run.deployment_id.map_or_else(dash, |id| id.to_string()),
    ]
}
