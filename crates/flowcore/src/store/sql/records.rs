//! Rows of any table, and changes of them, as SQL.

use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{FlowRun, StateId};
use crate::store::query::{Column, Condition, Kind, Table};
use crate::store::records::{Change, Conflict, Group, Question, RecordStore, Row, Session, Value, Work};
use crate::store::{StoreError, Swap};

use super::dialect::Dialect;
use super::driver::{Arguments, Row as DriverRow, Statement};
use super::failure::Failure;
use super::query::{Query, select};
use super::store::SqlStore;
use super::transaction::Transaction;
use super::write::swap_one;

/// How many rows work is taken to write: it is not known before.
const ROWS: usize = 8;

#[async_trait]
impl RecordStore for SqlStore {
    async fn read_rows(&self, question: &Question) -> Result<Vec<Row>, StoreError> {
        let rows = self.readers().fetch(|dialect| ask(dialect, question)).await?;
        rows.iter().map(|row| read(row, question.columns)).collect()
    }

    async fn count_rows(&self, table: Table, condition: &Condition) -> Result<u64, StoreError> {
        count(&self.readers().fetch(|dialect| Query::new(dialect, "COUNT(*)", table, condition).end()).await?)
    }

    async fn count_groups(
        &self,
        table: Table,
        groups: &[Group],
        condition: &Condition,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.readers().fetch(|dialect| count_by(dialect, table, groups, condition)).await?;
        let read = |row: &DriverRow| {
            let mut values = Vec::with_capacity(groups.len() + 1);
            for (number, group) in groups.iter().enumerate() {
                values.push(match group {
                    Group::Column(column) => value(row, number, *column)?,
                    Group::Step { .. } => Value::Number(row.optional_int(number)?),
                });
            }
            values.push(Value::Number(row.optional_int(groups.len())?));
            Ok(Row::new(values))
        };
        rows.iter().map(read).collect()
    }

    async fn carry_out(&self, work: Arc<dyn Work>) -> Result<(), StoreError> {
        self.writer().submit(|batch| &mut batch.works, work, ROWS).await
    }
}

/// A transaction of the writer, lent to work.
pub(super) struct InTransaction<'t, 'c> {
    transaction: &'t mut Transaction<'c>,
    /// Why the transaction as a whole cannot go on.
    failure: Option<Failure>,
}

impl<'t, 'c> InTransaction<'t, 'c> {
    pub(super) fn new(transaction: &'t mut Transaction<'c>) -> Self {
        InTransaction { transaction, failure: None }
    }

    /// Tells why the transaction as a whole cannot go on, if that is so.
    pub(super) fn failure(self) -> Option<Failure> {
        self.failure
    }

    async fn run(&mut self, statement: Statement) -> Result<(Vec<DriverRow>, u64), StoreError> {
        match self.transaction.run_one(statement).await {
            Ok(outcome) => Ok((outcome.rows, outcome.affected)),
            // The work's own affair: it is undone to where it began.
            Err(Failure::Final(error @ StoreError::Exists(_))) => Err(error),
            Err(failure) => {
                self.failure = Some(failure.clone());
                Err(failure.into())
            }
        }
    }
}

#[async_trait]
impl Session for InTransaction<'_, '_> {
    async fn read(&mut self, question: &Question, lock: bool) -> Result<Vec<Row>, StoreError> {
        let dialect = self.transaction.dialect();
        let Statement { text, arguments } = ask(dialect, question);
        let text = if lock { format!("{text}{}", dialect.for_update()).into() } else { text };
        let (rows, _) = self.run(Statement { text, arguments }).await?;
        rows.iter().map(|row| read(row, question.columns)).collect()
    }

    async fn count(&mut self, table: Table, condition: &Condition) -> Result<u64, StoreError> {
        let statement = Query::new(self.transaction.dialect(), "COUNT(*)", table, condition).end();
        count(&self.run(statement).await?.0)
    }

    async fn write(&mut self, change: Change) -> Result<u64, StoreError> {
        let statement = change_as_statement(self.transaction.dialect(), &change);
        Ok(self.run(statement).await?.1)
    }

    async fn swap_flow_run(&mut self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError> {
        swap_one(self.transaction, run, expected).await.map_err(|failure| {
            self.failure = Some(failure.clone());
            failure.into()
        })
    }
}

fn ask(dialect: Dialect, question: &Question) -> Statement {
    select(dialect, &names(question.columns), question.table, &question.selection)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn read(row: &DriverRow, columns: &[Column]) -> Result<Row, StoreError> {
    let values = columns.iter().enumerate().map(|(number, column)| value(row, number, *column));
    Ok(Row::new(values.collect::<Result<_, StoreError>>()?))
}

fn value(row: &DriverRow, number: usize, column: Column) -> Result<Value, StoreError> {
    Ok(match column.kind {
        Kind::Id => Value::Id(row.optional_uuid(number)?),
        Kind::Text | Kind::Tags | Kind::Json => Value::Text(row.optional_text(number)?.map(str::to_owned)),
        Kind::Number | Kind::Time | Kind::Flag => Value::Number(row.optional_int(number)?),
        Kind::Real => Value::Real(row.optional_real(number)?),
        Kind::Bytes => Value::Bytes(row.optional_bytes(number)?.map(<[u8]>::to_vec)),
    })
}

fn count(rows: &[DriverRow]) -> Result<u64, StoreError> {
    let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(count).unwrap_or_default())
}

fn count_by(dialect: Dialect, table: Table, groups: &[Group], condition: &Condition) -> Statement {
    let mut query = Query::begin(dialect, "SELECT ".to_owned());
    for group in groups {
        match group {
            Group::Column(column) => query.push(format_args!("{}, ", column.name)),
            Group::Step { column, origin, width } => {
                let parameter = query.arguments.len() + 1;
                query.push(format_args!("({} - ${parameter}) / ${}, ", column.name, parameter + 1));
                query.arguments.int(*origin);
                query.arguments.int(*width);
            }
        }
    }
    query.push(format_args!("COUNT(*) FROM {} WHERE ", table.name()));
    query.condition(table.name(), condition);
    for number in 1..=groups.len() {
        query.push(format_args!("{}{number}", if number == 1 { " GROUP BY " } else { ", " }));
    }
    query.end()
}

fn change_as_statement(dialect: Dialect, change: &Change) -> Statement {
    match change {
        Change::Insert { table, columns, values, conflict } => {
            let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
            let (table, names, places) = (table.name(), names(columns), places.join(", "));
            let mut text = format!("INSERT INTO {table} ({names}) VALUES ({places})");
            match conflict {
                Conflict::Fail => {}
                Conflict::Skip => text.push_str(" ON CONFLICT DO NOTHING"),
                Conflict::Replace => {
                    let set = columns.iter().skip(1).map(|Column { name, .. }| format!("{name} = excluded.{name}"));
                    text.push_str(" ON CONFLICT (id) DO UPDATE SET ");
                    text.push_str(&set.collect::<Vec<_>>().join(", "));
                }
            }
            let mut arguments = Arguments::new(dialect);
            values.iter().for_each(|value| arguments.value(value));
            Statement { text: text.into(), arguments }
        }
        Change::Update { table, set, condition } => {
            let mut query = Query::begin(dialect, format!("UPDATE {} SET ", table.name()));
            for (number, (column, value)) in set.iter().enumerate() {
                query.push(format_args!("{}{} = ${}", if number == 0 { "" } else { ", " }, column.name, number + 1));
                query.arguments.value(value);
            }
            query.text.push_str(" WHERE ");
            query.condition(table.name(), condition);
            query.end()
        }
        Change::Delete { table, condition } => {
            let mut query = Query::begin(dialect, format!("DELETE FROM {} WHERE ", table.name()));
            query.condition(table.name(), condition);
            query.end()
        }
    }
}

impl Arguments {
    /// Adds a value of any kind.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Id(id) => self.uuid(*id),
            Value::Text(text) => self.text(text.as_deref()),
            Value::Number(number) => self.int(*number),
            Value::Real(number) => self.real(*number),
            Value::Bytes(bytes) => self.bytes(bytes.clone()),
        }
    }
}
