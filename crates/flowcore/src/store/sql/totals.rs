//! Figures over many runs, as SQL.

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::{FlowId, FlowRun, Timestamp};
use crate::store::query::{Column, Condition, Table};
use crate::store::{BucketCount, Buckets, StoreError, TotalsStore};

use super::dialect::Dialect;
use super::driver::Row;
use super::query::Query;
use super::rows::{FLOW_RUN_COLUMNS, flow_run as read_flow_run, micros};
use super::select::Select;
use super::store::SqlStore;

/// How late a run began or is, with the parameter that is the time.
fn lateness(now: usize) -> String {
    format!(
        "CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time \
         WHEN start_time IS NULL AND end_time IS NULL AND expected_start_time < ${now} \
         THEN ${now} - expected_start_time ELSE 0 END"
    )
}

/// Since when a run is in its present state, if that is RUNNING.
fn running_since(dialect: Dialect, table: Table) -> String {
    if table == Table::FLOW_RUNS {
        "(SELECT s.timestamp FROM flow_run_states s WHERE s.flow_run_id = flow_runs.id ORDER BY s.position DESC LIMIT 1)"
            .to_owned()
    } else {
        // Few run again, so that few histories are looked into.
        format!("CASE WHEN run_count = 1 THEN start_time ELSE {} END", dialect.last_time("history"))
    }
}

#[async_trait]
impl TotalsStore for SqlStore {
    async fn history(
        &self,
        table: Table,
        by: Column,
        buckets: Buckets,
        condition: &Condition,
        now: Timestamp,
    ) -> Result<Vec<BucketCount>, StoreError> {
        let start = micros(buckets.start);
        let end = start.saturating_add(buckets.interval.saturating_mul(buckets.count));
        let question = |dialect| {
            let mut query = Query::begin(dialect, String::new());
            let (start, end, interval) = (query.bind(start), query.bind(end), query.bind(buckets.interval));
            let now = query.bind(micros(now));
            let (by, late, since) = (by.name, lateness(now), running_since(dialect, table));
            query.push(format_args!(
                "SELECT ({by} - ${start}) / ${interval}, state_type, state_name, COUNT(*), \
                 CAST(SUM(total_run_time + CASE WHEN state_type = 'RUNNING' AND ${now} > {since} \
                 THEN ${now} - {since} ELSE 0 END) AS BIGINT), CAST(SUM({late}) AS BIGINT) \
                 FROM {} WHERE {by} >= ${start} AND {by} < ${end} AND ",
                table.name()
            ));
            query.condition(table.name(), condition);
            query.push(format_args!(" GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"));
            query.end()
        };
        self.readers.fetch(question).await?.iter().map(bucket_count).collect()
    }

    async fn average_lateness(&self, condition: &Condition, now: Timestamp) -> Result<Option<f64>, StoreError> {
        let question = |dialect| {
            let mut query = Query::begin(dialect, String::new());
            let late = lateness(query.bind(micros(now)));
            query.push(format_args!("SELECT COUNT(*), CAST(SUM({late}) AS BIGINT) FROM flow_runs WHERE "));
            query.condition(Table::FLOW_RUNS.name(), condition);
            query.end()
        };
        let rows = self.readers.fetch(question).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        #[expect(clippy::cast_precision_loss, reason = "an average is told, not counted on")]
        let average = |sum: i64, count: i64| sum as f64 / 1e6 / count as f64;
        Ok(row.optional_int(1)?.map(|sum| Ok::<_, StoreError>(average(sum, row.int(0)?))).transpose()?)
    }

    async fn count_by(&self, table: Table, by: Column, condition: &Condition) -> Result<Vec<(Uuid, u64)>, StoreError> {
        let question = |dialect| {
            let mut query = Query::begin(dialect, String::new());
            let (by, table) = (by.name, table.name());
            query.push(format_args!("SELECT {by}, COUNT(*) FROM {table} WHERE {by} IS NOT NULL AND "));
            query.condition(table, condition);
            query.push(format_args!(" GROUP BY {by}"));
            query.end()
        };
        let rows = self.readers.fetch(question).await?;
        rows.iter().map(|row| Ok((row.uuid(0)?, u64::try_from(row.int(1)?).unwrap_or(0)))).collect()
    }

    async fn next_flow_runs(&self, flows: &[FlowId]) -> Result<Vec<FlowRun>, StoreError> {
        let flows: Vec<Uuid> = flows.iter().map(|id| id.0).collect();
        let question = |dialect| {
            let mut select = Select::new(dialect, FLOW_RUN_COLUMNS, "flow_runs");
            // Word for word the condition of the index.
            select.and(
                "id IN (SELECT (SELECT r.id FROM flow_runs r WHERE r.flow_id = flows.id AND r.state_type = 'SCHEDULED' \
                 ORDER BY r.next_scheduled_start_time, r.id LIMIT 1) FROM flows WHERE 1 = 1",
            );
            select.uuids("flows.id", Some(&flows));
            select.end(")")
        };
        self.readers.fetch(question).await?.iter().map(read_flow_run).collect()
    }
}

fn bucket_count(row: &Row) -> Result<BucketCount, StoreError> {
    Ok(BucketCount {
        bucket: row.int(0)?,
        kind: row.text(1)?.parse().map_err(StoreError::Row)?,
        name: row.text(2)?.to_owned(),
        count: u64::try_from(row.int(3)?).unwrap_or(0),
        run_time: row.int(4)?,
        lateness: row.int(5)?,
    })
}
