//! Conditions as SQL.
//!
//! A list is one parameter, however long it is, so that there are few texts to prepare. Rows of the outermost table are
//! named by the table, those of related ones by `t1`, `t2` and so on.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::model::{Flow, FlowRun, LogLine, Order, StateCount, TaskRun};
use crate::store::StoreError;
use crate::store::query::{Column, Condition, Kind, QueryStore, Relation, Selection, Table, Test, Values};
use crate::store::records::Value;

use super::dialect::Dialect;
use super::driver::{Arguments, Statement};
use super::rows::{
    FLOW_COLUMNS, FLOW_RUN_COLUMNS, LOG_COLUMNS, TASK_RUN_COLUMNS, flow, flow_run, log, state_count, task_run,
};
use super::store::SqlStore;

/// A statement under way.
pub(super) struct Query {
    dialect: Dialect,
    pub(super) text: String,
    pub(super) arguments: Arguments,
    /// How many related tables have a name already.
    tables: usize,
}

impl Query {
    pub(super) fn new(dialect: Dialect, columns: &str, table: Table, condition: &Condition) -> Self {
        let name = table.name();
        let mut query = Query::begin(dialect, format!("SELECT {columns} FROM {name} WHERE "));
        query.condition(name, condition);
        query
    }

    /// Begins with a text that has no parameters.
    pub(super) fn begin(dialect: Dialect, text: String) -> Self {
        Query { dialect, text, arguments: Arguments::new(dialect), tables: 0 }
    }

    /// Adds a number to the arguments, and gives the number of its parameter.
    pub(super) fn bind(&mut self, number: i64) -> usize {
        self.arguments.int(number);
        self.arguments.len()
    }

    pub(super) fn condition(&mut self, table: &str, condition: &Condition) {
        match condition {
            Condition::All(all) => self.joined(table, all, " AND ", "1 = 1"),
            Condition::Any(any) => self.joined(table, any, " OR ", "1 = 0"),
            Condition::Not(inner) => {
                self.text.push_str("NOT (");
                self.condition(table, inner);
                self.text.push(')');
            }
            Condition::Column(column, Test::Is(Value::Number(Some(flag)))) if column.kind == Kind::Flag => {
                // As it stands there, so that an index of the rows that have it can be chosen before the value is known.
                self.push(format_args!("{table}.{} = {flag}", column.name));
            }
            Condition::Column(column, test) => self.test(&qualified(table, *column), test),
            Condition::Related(relation, inner) => self.related(table, relation, inner),
            Condition::Newest { table: of, key, time } => {
                self.tables += 1;
                let (of, key, time, name) = (of.name(), key.name, time.name, format!("t{}", self.tables));
                self.push(format_args!(
                    "({table}.{key} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {of} {name} \
                     WHERE {name}.{key} = {table}.{key} AND ({name}.{time}, {name}.id) > ({table}.{time}, {table}.id)))"
                ));
            }
        }
    }

    fn related(&mut self, table: &str, relation: &Relation, inner: &Condition) {
        if let Some(test) = only_key(relation, inner) {
            // An index may have the rows of one key in the order that is asked for.
            return self.test(&qualified(table, relation.column), test);
        }
        self.tables += 1;
        let name = format!("t{}", self.tables);
        let (to, by, column) = (relation.to.name(), relation.by.name, relation.column.name);
        if relation.few && matches!(inner, Condition::Column(..)) {
            // In this form SQLite begins with the related rows, which are found by their column, and looks up those that
            // are wanted; what is said of rows behind them would have it go through all of them.
            self.push(format_args!("{table}.{column} IN (SELECT {name}.{by} FROM {to} {name} WHERE "));
        } else {
            self.push(format_args!("EXISTS (SELECT 1 FROM {to} {name} WHERE {name}.{by} = {table}.{column} AND "));
        }
        self.condition(&name, inner);
        self.text.push(')');
    }

    fn joined(&mut self, table: &str, conditions: &[Condition], between: &str, empty: &str) {
        match conditions {
            [] => self.text.push_str(empty),
            [one] => self.condition(table, one),
            several => {
                for (number, condition) in several.iter().enumerate() {
                    self.text.push_str(if number == 0 { "(" } else { between });
                    self.condition(table, condition);
                }
                self.text.push(')');
            }
        }
    }

    fn test(&mut self, column: &str, test: &Test) {
        let parameter = self.arguments.len() + 1;
        match test {
            Test::Is(value) => {
                self.push(format_args!("{column} = ${parameter}"));
                self.arguments.value(value);
            }
            Test::OneOf(values) => self.list(column, false, values),
            Test::NoneOf(values) => self.list(column, true, values),
            Test::IsNull(true) => self.push(format_args!("{column} IS NULL")),
            Test::IsNull(false) => self.push(format_args!("{column} IS NOT NULL")),
            Test::Contains(text) => {
                let contains = self.dialect.contains(column, parameter);
                self.text.push_str(&contains);
                self.arguments.text(text.as_str());
            }
            Test::BeginsWith(text) => {
                let length = text.chars().count();
                self.push(format_args!("substr({column}, 1, {length}) = ${parameter}"));
                self.arguments.text(text.as_str());
            }
            Test::BeginsWithAnyCase(text) => {
                let length = text.chars().count();
                self.push(format_args!("lower(substr({column}, 1, {length})) = lower(${parameter})"));
                self.arguments.text(text.as_str());
            }
            Test::AtLeast(number) => {
                self.push(format_args!("{column} >= ${parameter}"));
                self.arguments.int(*number);
            }
            Test::AtMost(number) => {
                self.push(format_args!("{column} <= ${parameter}"));
                self.arguments.int(*number);
            }
            Test::HasAll(tags) => {
                // How many of them are there: as many as are asked for.
                let (elements, wanted) = (self.dialect.elements(column), self.dialect.texts(parameter));
                let mut distinct = tags.clone();
                distinct.sort_unstable();
                distinct.dedup();
                let count = distinct.len();
                self.push(format_args!(
                    "(SELECT COUNT(DISTINCT value) FROM ({elements}) e WHERE value IN ({wanted})) = {count}"
                ));
                self.arguments.owned(Json::from(distinct).to_string());
            }
            Test::HasAny(tags) => {
                let (elements, wanted) = (self.dialect.elements(column), self.dialect.texts(parameter));
                self.push(format_args!("EXISTS (SELECT 1 FROM ({elements}) e WHERE value IN ({wanted}))"));
                self.arguments.owned(Json::from(tags.clone()).to_string());
            }
            Test::IsEmpty(true) => self.push(format_args!("{column} = '[]'")),
            Test::IsEmpty(false) => self.push(format_args!("{column} <> '[]'")),
        }
    }

    /// Asks for one of the values, or for none of them. Of a single one the rows are found in the order that its index has.
    fn list(&mut self, column: &str, none: bool, values: &Values) {
        let parameter = self.arguments.len() + 1;
        let only = match values {
            Values::Ids(ids) => {
                if let [id] = **ids {
                    Some(Value::from(id))
                } else {
                    None
                }
            }
            Values::Texts(texts) => {
                if let [text] = &**texts {
                    Some(Value::from(text.as_str()))
                } else {
                    None
                }
            }
            Values::Numbers(numbers) => {
                if let [number] = **numbers {
                    Some(Value::from(number))
                } else {
                    None
                }
            }
        };
        match only {
            Some(value) => {
                self.push(format_args!("{column} {} ${parameter}", if none { "<>" } else { "=" }));
                self.arguments.value(&value);
            }
            None => {
                let among = self.dialect.among(column, none, parameter, matches!(values, Values::Ids(_)));
                self.text.push_str(&among);
                self.arguments.list(values);
            }
        }
    }

    pub(super) fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.text.write_fmt(text);
    }

    pub(super) fn end(self) -> Statement {
        Statement { text: self.text.into(), arguments: self.arguments }
    }
}

/// Names a column of a table, or the first of several that has a value.
fn qualified(table: &str, column: Column) -> String {
    match column.name.strip_prefix("COALESCE(").and_then(|columns| columns.strip_suffix(')')) {
        Some(columns) => format!("COALESCE({table}.{})", columns.replace(", ", &format!(", {table}."))),
        None => format!("{table}.{}", column.name),
    }
}

/// Selects rows. Of those that are sorted alike the order is that of their ids, so that pages fit together.
pub(super) fn select(dialect: Dialect, columns: &str, table: Table, selection: &Selection) -> Statement {
    let mut query = Query::new(dialect, columns, table, &selection.condition);
    query.text.push_str(" ORDER BY ");
    for (Column { name, optional, .. }, order) in &selection.sort {
        let direction = match order {
            Order::OldestFirst => "",
            Order::NewestFirst => " DESC",
        };
        query.push(format_args!("{name}{direction}{}, ", if *optional { " NULLS LAST" } else { "" }));
    }
    let last = selection.sort.last().map_or(Order::OldestFirst, |(_, order)| *order);
    let direction = if last == Order::NewestFirst { " DESC" } else { "" };
    let limit = query.arguments.len() + 1;
    query.push(format_args!("id{direction} LIMIT ${limit} OFFSET ${}", limit + 1));
    query.arguments.int(i64::from(selection.page.limit));
    query.arguments.int(i64::from(selection.page.offset));
    query.end()
}

/// Gives the test that a condition makes of related rows, if it is of nothing but their key and they are always there.
fn only_key<'c>(relation: &Relation, condition: &'c Condition) -> Option<&'c Test> {
    match condition {
        Condition::Column(column, test @ (Test::Is(_) | Test::OneOf(_))) if *column == relation.by => {
            Some(test).filter(|_| relation.always)
        }
        Condition::All(all) => match &**all {
            [one] => only_key(relation, one),
            _ => None,
        },
        _ => None,
    }
}

#[async_trait]
impl QueryStore for SqlStore {
    async fn select_flows(&self, selection: &Selection) -> Result<Vec<Flow>, StoreError> {
        let rows = self.readers().fetch(|dialect| select(dialect, FLOW_COLUMNS, Table::FLOWS, selection)).await?;
        rows.iter().map(flow).collect()
    }

    async fn select_flow_runs(&self, selection: &Selection) -> Result<Vec<FlowRun>, StoreError> {
        let rows =
            self.readers().fetch(|dialect| select(dialect, FLOW_RUN_COLUMNS, Table::FLOW_RUNS, selection)).await?;
        rows.iter().map(flow_run).collect()
    }

    async fn select_task_runs(&self, selection: &Selection) -> Result<Vec<TaskRun>, StoreError> {
        let rows =
            self.readers().fetch(|dialect| select(dialect, TASK_RUN_COLUMNS, Table::TASK_RUNS, selection)).await?;
        rows.iter().map(task_run).collect()
    }

    async fn select_logs(&self, selection: &Selection) -> Result<Vec<LogLine>, StoreError> {
        let rows = self.readers().fetch(|dialect| select(dialect, LOG_COLUMNS, Table::LOGS, selection)).await?;
        rows.iter().map(log).collect()
    }

    async fn count(&self, table: Table, condition: &Condition) -> Result<u64, StoreError> {
        let rows = self.readers().fetch(|dialect| Query::new(dialect, "COUNT(*)", table, condition).end()).await?;
        let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn count_states(&self, table: Table, condition: &Condition) -> Result<Vec<StateCount>, StoreError> {
        let question = |dialect| {
            let mut query = Query::new(dialect, "state_type, state_name, COUNT(*)", table, condition);
            query.text.push_str(" GROUP BY state_type, state_name ORDER BY state_name, state_type");
            query.end()
        };
        self.readers().fetch(question).await?.iter().map(state_count).collect()
    }
}
