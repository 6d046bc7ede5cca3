//! All log lines of a flow run, as a file for spreadsheets.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flowcore::model::{FlowRunId, LogLine, Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Test, log};
use futures_util::stream::try_unfold;

use super::find;
use crate::error::ApiError;
use crate::extract::Id;
use crate::filter::LogSort;
use crate::state::App;

/// How many lines are read at once.
const AT_ONCE: u32 = 1000;

/// Sends the lines as they are read.
pub(super) async fn download(State(app): State<App>, Id(id): Id) -> Result<Response, ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    let lines = try_unfold(Some(Place::default()), move |place| {
        let app = app.clone();
        async move {
            let Some(place) = place else { return Ok::<_, StoreError>(None) };
            let lines = place.lines(&app, run.id).await?;
            let mut text = String::new();
            if place == Place::default() {
                text.push_str("timestamp,level,flow_run_id,task_run_id,message\r\n");
            }
            lines.iter().for_each(|line| write_line(line, &mut text));
            let next = (lines.len() == AT_ONCE as usize).then(|| place.behind(&lines));
            Ok(Some((text, next)))
        }
    });
    let name: String = format!("{}-logs.csv", run.name).bytes().map(in_address).collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{name}")),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// How far the lines are read: behind so many of those of a time, and behind all of earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    since: Option<Timestamp>,
    read: u32,
}

impl Place {
    async fn lines(self, app: &App, run: FlowRunId) -> Result<Vec<LogLine>, StoreError> {
        let mut conditions = vec![log::FLOW_RUN_ID.is(run.0)];
        let since = self.since.map(|since| Test::AtLeast(since.timestamp_micros()));
        conditions.extend(since.map(|since| Condition::Column(log::TIMESTAMP, since)));
        let page = Page { limit: AT_ONCE, offset: self.read };
        let sort = LogSort::TimestampAsc.columns();
        app.store.select_logs(&Selection { condition: Condition::All(conditions), sort, page }).await
    }

    fn behind(self, lines: &[LogLine]) -> Self {
        let since = lines.last().map(|line| line.timestamp);
        let of_last = lines.iter().rev().take_while(|line| Some(line.timestamp) == since).count();
        let before = if since == self.since { self.read } else { 0 };
        Place { since, read: before + u32::try_from(of_last).unwrap_or(u32::MAX) }
    }
}

/// Writes a time as Python does, which leaves out what there is not.
fn written(time: Timestamp) -> String {
    let format =
        if time.timestamp_subsec_micros() == 0 { "%Y-%m-%d %H:%M:%S+00:00" } else { "%Y-%m-%d %H:%M:%S%.6f+00:00" };
    time.format(format).to_string()
}

fn write_line(line: &LogLine, text: &mut String) {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let fields = [
        written(line.timestamp),
        line.level.number().to_string(),
        id(line.flow_run_id.map(|id| id.0)),
        id(line.task_run_id.map(|id| id.0)),
        line.text(),
    ];
    let fields = fields.map(|field| match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    });
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

/// Writes a byte as addresses have it.
fn in_address(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    }
}
