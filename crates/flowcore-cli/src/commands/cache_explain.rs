//! `flowcore cache explain`: the parts of a run's cache key beside those of the entry that is most like it.

use std::collections::BTreeSet;

use clap::Args;
use flowcore::model::{StateName, TaskRun};
use flowcore::results::{CachedCall, StoredEntry};
use serde::Serialize;

use super::cache::{entries, storage};
use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::select;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The task run: its id, the beginning of it (at least 4 digits), or its name.
    #[arg(value_name = "TASK-RUN")]
    id: String,
    #[command(flatten)]
    output: OutputArguments,
}

/// What can be said of a run and the cache.
#[derive(Serialize)]
struct Explanation {
    task_run: String,
    cache_key: Option<String>,
    /// The answer in a sentence.
    answer: String,
    /// The entry of the same task whose key has most in common with that of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<StoredEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

/// A part of the key, in both.
#[derive(Serialize)]
struct Part {
    part: String,
    this: Option<String>,
    nearest: Option<String>,
    changed: bool,
}

pub(super) async fn run(arguments: &Explain, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = select::task_run(&*session.client, &arguments.id).await?;
    let explanation = explain(&run, session).await?;
    if arguments.output.json() {
        return session.out.json(&explanation);
    }
    show(session.out, &run, &explanation)
}

async fn explain(run: &TaskRun, session: &Session<'_>) -> Result<Explanation, Failure> {
    let plain = |answer: &str| Explanation {
        task_run: run.id.to_string(),
        cache_key: run.cache_key.clone(),
        answer: answer.to_owned(),
        nearest: None,
        parts: Vec::new(),
    };
    let Some(key) = &run.cache_key else {
        return Ok(plain(
            "It has no cache key: its task has no cache policy, or the policy gives no key for this call (a policy with RUN_ID \
             or FLOW_PARAMETERS gives none outside a flow), or its arguments never came.",
        ));
    };
    if run.state.name == StateName::CACHED {
        return Ok(plain("It was not executed: its result came from the cache."));
    }
    let storage = storage(session)?;
    let entries = entries(&storage).await?;
    let Some((_, own)) = entries.iter().find(|(entry, _)| entry.metadata.storage_key == *key) else {
        return Ok(plain(&format!(
            "No entry of its key is in {}: the run has not completed, the entry was deleted, or the task keeps its results \
             elsewhere. What the key was made of is known by the entry only.",
            storage.url()
        )));
    };
    let others = entries.iter().filter(|(entry, call)| {
        // Those that were there when the run began.
        call.task_key == own.task_key
            && entry.metadata.storage_key != *key
            && run.times.start_time.is_none_or(|start| entry.created <= start)
    });
    // The first of equals is the newest.
    let mut nearest: Option<(&StoredEntry, Vec<Part>)> = None;
    for (entry, call) in others {
        let parts = compare(own, call);
        if nearest.as_ref().is_none_or(|(_, least)| changed(&parts) < changed(least)) {
            nearest = Some((entry, parts));
        }
    }
    let Some((entry, parts)) = nearest else {
        return Ok(plain(
            "It was executed since nothing of its key was cached, and no other entry of its task is older than it: it was the \
             first, the entry had expired or was deleted, or the call was to refresh the cache.",
        ));
    };
    let names: Vec<&str> = parts.iter().filter(|part| part.changed).map(|part| &*part.part).collect();
    let answer = format!("It was executed since its key differs from that of the nearest entry: {}.", names.join(", "));
    Ok(Explanation { nearest: Some(entry.clone()), parts, ..plain(&answer) })
}

/// Puts the parts of two keys beside each other.
fn compare(this: &CachedCall, other: &CachedCall) -> Vec<Part> {
    let names: BTreeSet<&String> = this.parts.keys().chain(other.parts.keys()).collect();
    let part = |name: &String| {
        let (this, nearest) = (this.parts.get(name).cloned(), other.parts.get(name).cloned());
        Part { part: name.clone(), changed: this != nearest, this, nearest }
    };
    names.into_iter().map(part).collect()
}

fn changed(parts: &[Part]) -> usize {
    parts.iter().filter(|part| part.changed).count()
}

fn show(out: &mut Output, run: &TaskRun, explanation: &Explanation) -> Result<(), Failure> {
    out.fields(&[
        ("Task run", format!("{} ({})", one_line(&run.name), run.id)),
        ("State", out.state(&run.state)),
        ("Cache key", explanation.cache_key.clone().unwrap_or_else(|| "-".to_owned())),
    ])?;
    out.line(format!("\n{}", explanation.answer))?;
    let Some(nearest) = &explanation.nearest else { return Ok(()) };
    out.heading(&format!("Nearest entry {}, written {}", nearest.metadata.storage_key, out.time(nearest.created)))?;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |part: &Part| {
        let changed = if part.changed { "changed" } else { "" };
        vec![format!("  {}", part.part), or_dash(&part.this), or_dash(&part.nearest), changed.to_owned()]
    };
    let rows: Vec<Vec<String>> = explanation.parts.iter().map(row).collect();
    let columns = [Column::Whole("  PART"), Column::Text("THIS RUN"), Column::Text("NEAREST"), Column::Whole("")];
    out.table(&columns, &rows)
}
