//! The journal of task runs: recording, and ending what nobody will end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{FlowRunId, State, TaskRunId, TaskRunRecord, Timestamp};
use crate::store::Recorded;
use crate::store::journal::{end as end_run, is_open};
use crate::store::sql::batch::Entry;
use crate::store::sql::dialect::Dialect;
use crate::store::sql::failure::Failure;
use crate::store::sql::rows::{
    END_TASK_RUNS, EndedTaskRun, NewTaskRun, RECORD_TASK_RUNS, encode_ended, encode_task_run, task_run,
};
use crate::store::sql::select;
use crate::store::sql::transaction::Transaction;

type Records = Entry<Vec<TaskRunRecord>, Recorded>;

/// Records task runs of the present attempts.
pub(super) async fn record(
    transaction: &mut Transaction<'_>,
    entries: &mut [Records],
    last: bool,
) -> Result<(), Failure> {
    lock_flow_runs(transaction, entries).await?;
    let mut missing = false;
    let rounds = rounds(entries.iter().flat_map(|entry| &entry.change));
    let count = rounds.len();
    for (number, round) in rounds.into_iter().enumerate() {
        let parts = RECORD_TASK_RUNS.parts(&round, encode_task_run);
        let outcomes = transaction.run(parts, last && number + 1 == count).await?;
        let affected: u64 = outcomes.iter().map(|outcome| outcome.affected).sum();
        if affected < round.len() as u64 {
            // What comes behind must not overtake what was left out here.
            missing = true;
            break;
        }
    }
    if count == 0 && last {
        transaction.commit().await?;
    }
    let refused = if missing { reconcile(transaction, entries, last).await? } else { BTreeSet::new() };
    for entry in entries {
        let mut recorded = Recorded::default();
        for record in entry.change.iter().filter(|record| refused.contains(&attempt(record))) {
            let of = record.run.flow_run_id.map(|id| (id, record.run.attempt));
            recorded.refused.extend(of.filter(|of| !recorded.refused.contains(of)));
        }
        entry.answer = Some(recorded);
    }
    Ok(())
}

/// PostgreSQL's transactions see what others commit meanwhile: a new attempt must not begin between the question which
/// attempt is the present one and the commit of its records.
async fn lock_flow_runs(transaction: &mut Transaction<'_>, entries: &[Records]) -> Result<(), Failure> {
    match transaction.dialect() {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            let _ = entries;
            Ok(())
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let ids = flow_runs(entries);
            transaction.run_one(select::lock_flow_runs(transaction.dialect(), &ids)).await.map(drop)
        }
    }
}

/// Divides records so that none of a round is of the same run as another, and those of one run keep their order.
fn rounds<'a>(records: impl Iterator<Item = &'a TaskRunRecord>) -> Vec<Vec<NewTaskRun<'a>>> {
    let mut rounds: Vec<Vec<NewTaskRun<'a>>> = Vec::new();
    let mut next: HashMap<TaskRunId, usize> = HashMap::new();
    for record in records {
        let number = next.entry(record.run.id).or_default();
        if rounds.len() == *number {
            rounds.push(Vec::new());
        }
        rounds[*number].push(NewTaskRun { record, known: None });
        *number += 1;
    }
    rounds
}

fn attempt(record: &TaskRunRecord) -> (Option<FlowRunId>, i32) {
    (record.run.flow_run_id, record.run.attempt)
}

/// Finds out why records were left out, and goes through all of them in order. Those that do not begin where the history
/// ends are added without the part that is known; those that are known change nothing, which is right; the attempts of
/// the others are returned.
async fn reconcile(
    transaction: &mut Transaction<'_>,
    entries: &[Records],
    last: bool,
) -> Result<BTreeSet<(Option<FlowRunId>, i32)>, Failure> {
    let dialect = transaction.dialect();
    let mut present = BTreeMap::new();
    for row in &transaction.run_one(select::run_counts(dialect, &flow_runs(entries))).await?.rows {
        present.insert(FlowRunId(row.uuid(0)?), row.int(1)?);
    }
    let mut refused = BTreeSet::new();
    let mut accepted = Vec::new();
    for record in entries.iter().flat_map(|entry| &entry.change) {
        match record.run.flow_run_id {
            Some(id) if present.get(&id) != Some(&i64::from(record.run.attempt)) => {
                refused.insert(attempt(record));
            }
            _ => accepted.push(record),
        }
    }

    let task_runs: Vec<_> = accepted.iter().map(|record| record.run.id).collect();
    let mut known = HashMap::new();
    for row in &transaction.query(select::history_lengths(dialect, &task_runs)).await?.rows {
        known.insert(TaskRunId(row.uuid(0)?), i32::try_from(row.int(1)?).unwrap_or(i32::MAX));
    }
    for record in accepted {
        let length = known.get(&record.run.id).copied();
        if length.is_none_or(|length| length < record.history_len) {
            let rest = [NewTaskRun { record, known: length }];
            transaction.run(RECORD_TASK_RUNS.parts(&rest, encode_task_run), false).await?;
            known.insert(record.run.id, record.history_len);
        }
    }
    if last {
        transaction.commit().await?;
    }
    Ok(refused)
}

fn flow_runs(entries: &[Records]) -> Vec<FlowRunId> {
    let records = entries.iter().flat_map(|entry| &entry.change);
    let ids: BTreeSet<_> = records.filter_map(|record| record.run.flow_run_id).collect();
    ids.into_iter().collect()
}

/// The flow run and its attempt whose task runs are to end, how and when; and how many there were.
type End = Entry<(FlowRunId, i32, State, Timestamp), u64>;

/// Ends the task runs of flow runs that have not ended.
pub(super) async fn end(transaction: &mut Transaction<'_>, entries: &mut [End]) -> Result<(), Failure> {
    let dialect = transaction.dialect();
    for entry in entries {
        let (id, attempt, state, now) = &entry.change;
        transaction.run_one(select::lock_flow_runs(dialect, &[*id])).await?;
        let mut ended = Vec::new();
        for row in &transaction.query(select::unended_task_runs(dialect, *id)).await?.rows {
            let mut run = task_run(row)?;
            if run.attempt <= *attempt && is_open(&run.state) {
                end_run(&mut run, state, *now);
                ended.push(EndedTaskRun(run));
            }
        }
        transaction.run(END_TASK_RUNS.parts(&ended, encode_ended), false).await?;
        entry.answer = Some(ended.len() as u64);
    }
    Ok(())
}
