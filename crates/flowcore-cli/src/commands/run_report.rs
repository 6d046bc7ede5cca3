//! What the reports on flow runs and on task runs have in common: outcome and history.

use flowcore::model::{RunTimes, State, StateData};
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::text::{indented, one_line, size};
use crate::time::{rfc3339, run_time};

/// Writes a state with its message.
pub(super) fn state_line(out: &Output, state: &State) -> String {
    match &state.message {
        Some(message) => format!("{}: {}", out.state(state), one_line(message)),
        None => out.state(state),
    }
}

/// Lists how often and when a run ran.
pub(super) fn time_fields(out: &Output, times: &RunTimes, state: &State) -> Vec<(&'static str, String)> {
    let mut fields = vec![("Expected start", out.time(times.expected_start_time))];
    let optional =
        [("Next start", times.next_scheduled_start_time), ("Started", times.start_time), ("Ended", times.end_time)];
    fields.extend(optional.into_iter().filter_map(|(name, time)| Some((name, out.time(time?)))));
    fields.push(("Run time", run_time(times, state, out.now())));
    fields.push(("Run count", times.run_count.to_string()));
    fields
}

/// Writes the result, or where it is, or the failure with its causes.
pub(super) fn outcome(out: &mut Output, state: &State) -> Result<(), Failure> {
    match state.data.as_deref() {
        None => Ok(()),
        Some(StateData::Inline { value } | StateData::Foreign { value }) => {
            out.heading("Result")?;
            out.line(indented(&pretty(value.get())))
        }
        Some(StateData::Stored { record }) => {
            out.heading("Result")?;
            out.line(format!("  {} ({}) in {}", record.storage_key, size(record.size), record.storage))?;
            out.line(format!("  serializer {}", record.serializer))?;
            match record.expiration {
                Some(expiration) => out.line(format!("  expires {}", out.time(expiration))),
                None => Ok(()),
            }
        }
        Some(StateData::Failure { chain, location }) => {
            out.heading("Failure")?;
            for (depth, error) in chain.iter().enumerate() {
                let text = if depth == 0 { error.clone() } else { format!("caused by: {error}") };
                out.line(indented(&text))?;
            }
            match location {
                Some(location) => out.line(format!("  at {location}")),
                None => Ok(()),
            }
        }
    }
}

/// Writes the states that a run has had, oldest first. Times are exact: how long a state lasted is what matters.
pub(super) fn history(out: &mut Output, states: &[State]) -> Result<(), Failure> {
    out.heading("States")?;
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            let message = state.message.clone().unwrap_or_default();
            vec![format!("  {}", rfc3339(state.timestamp)), state.name.to_string(), state.kind.to_string(), message]
        })
        .collect();
    let columns = [Column::Whole("  TIME"), Column::Whole("NAME"), Column::Whole("TYPE"), Column::Text("MESSAGE")];
    out.table(&columns, &rows)
}

/// Writes JSON with an entry a line.
pub(super) fn pretty(json: &str) -> String {
    let value = serde_json::from_str::<Value>(json).and_then(|value| serde_json::to_string_pretty(&value));
    value.unwrap_or_else(|_| json.to_owned())
}
