//! What a server's clients report: changes of flow runs beside their states, and task runs as they were seen.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use crate::model::{FlowRun, FlowRunId, StateId, TaskRun, TaskRunId};
use crate::store::Swap;
use crate::store::edits::{FlowRunEdit, Known};
use crate::store::sql::batch::Entry;
use crate::store::sql::failure::Failure;
use crate::store::sql::rows::{
    EDIT_FLOW_RUNS, ObservedTaskRun, PUT_TASK_RUNS, encode_edited, encode_observed, task_run_with_history,
};
use crate::store::sql::select;
use crate::store::sql::transaction::Transaction;

type Edit = Entry<(FlowRunId, FlowRunEdit), Option<Box<FlowRun>>>;

/// Edits flow runs, one after the other.
pub(super) async fn edit(transaction: &mut Transaction<'_>, entries: &mut [Edit], last: bool) -> Result<(), Failure> {
    let dialect = transaction.dialect();
    let ids: Vec<FlowRunId> = entries.iter().map(|entry| entry.change.0).collect();
    transaction.run_one(select::lock_flow_runs(dialect, &ids)).await?;
    let rows = transaction.query(select::flow_runs_by_ids(dialect, &ids)).await?.rows;
    let mut runs: BTreeMap<FlowRunId, FlowRun> =
        select::read_flow_runs(&rows)?.into_iter().map(|run| (run.id, run)).collect();
    for entry in entries.iter_mut() {
        let (id, edit) = &entry.change;
        entry.answer = Some(runs.get_mut(id).map(|run| {
            edit.apply(run);
            Box::new(run.clone())
        }));
    }
    let edited: Vec<FlowRun> = runs.into_values().collect();
    transaction.run(EDIT_FLOW_RUNS.parts(&edited, encode_edited), last).await?;
    Ok(())
}

/// Adds what was seen of task runs to what is known of them.
pub(super) async fn observe(
    transaction: &mut Transaction<'_>,
    entries: &mut [Entry<Vec<TaskRun>, ()>],
    last: bool,
) -> Result<(), Failure> {
    let seen = || entries.iter().flat_map(|entry| &entry.change);
    let mut books = Books::open(transaction, seen().map(|run| run.id).collect()).await?;
    for run in seen() {
        match books.0.entry(run.id) {
            Place::Vacant(place) => {
                place.insert(Page { before: 0, changed: true, known: Known::new(run.clone()) });
            }
            Place::Occupied(mut place) => {
                let page = place.get_mut();
                page.changed |= page.known.observe(run.clone());
            }
        }
    }
    books.close(transaction, last).await?;
    entries.iter_mut().for_each(|entry| entry.answer = Some(()));
    Ok(())
}

/// Moves task runs on that are still in the state in which they are expected to be, one after the other.
pub(super) async fn swap(
    transaction: &mut Transaction<'_>,
    entries: &mut [Entry<(TaskRun, StateId), Swap<TaskRun>>],
    last: bool,
) -> Result<(), Failure> {
    let mut books = Books::open(transaction, entries.iter().map(|entry| entry.change.0.id).collect()).await?;
    for entry in entries.iter_mut() {
        let (run, expected) = &entry.change;
        entry.answer = Some(match books.0.get_mut(&run.id) {
            None => Swap::Missing,
            Some(page) => match page.known.swap(run.clone(), *expected) {
                true => {
                    page.changed = true;
                    Swap::Applied
                }
                false => Swap::Conflict(Box::new(page.known.run.clone())),
            },
        });
    }
    books.close(transaction, last).await
}

/// What is known of some task runs, locked against other processes.
struct Books(BTreeMap<TaskRunId, Page>);

/// What is known of one.
struct Page {
    /// How many states are in the database.
    before: usize,
    changed: bool,
    known: Known,
}

impl Books {
    async fn open(transaction: &mut Transaction<'_>, ids: Vec<TaskRunId>) -> Result<Self, Failure> {
        let rows = transaction.run_one(select::task_runs_by_ids(transaction.dialect(), &ids)).await?.rows;
        let mut pages = BTreeMap::new();
        for row in &rows {
            let (run, history) = task_run_with_history(row)?;
            pages.insert(run.id, Page { before: history.len(), changed: false, known: Known { run, history } });
        }
        Ok(Books(pages))
    }

    /// Writes what has changed, and commits it if it is the `last`.
    async fn close(self, transaction: &mut Transaction<'_>, last: bool) -> Result<(), Failure> {
        let changed: Vec<ObservedTaskRun> = self
            .0
            .into_values()
            .filter(|page| page.changed)
            .map(|Page { before, known: Known { run, history }, .. }| ObservedTaskRun { run, history, before })
            .collect();
        let written = transaction.run(PUT_TASK_RUNS.parts(&changed, encode_observed), false).await?;
        if written.iter().map(|outcome| outcome.affected).sum::<u64>() < changed.len() as u64 {
            // What is not there yet cannot be locked: another process was faster, and all is looked at anew.
            return Err(Failure::Busy("a task run was reported elsewhere meanwhile".to_owned()));
        }
        if last {
            transaction.commit().await?;
        }
        Ok(())
    }
}
