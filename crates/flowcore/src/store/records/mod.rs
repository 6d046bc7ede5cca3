//! Rows of any table as types, for what only a server keeps: deployments, work pools, blocks and the like.
//!
//! A [`Record`] says how a type is a row; [`Records`] reads, and changes rows in transactions whose steps are data
//! ([`Change`]), so that a server needs no SQL. The SQL stores have it; the memory store does not.

mod transaction;
mod value;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

pub use transaction::{Change, Conflict, Session, Tx, Work};
pub use value::{Row, Value};

use super::StoreError;
use super::query::{Column, Condition, Selection, Table};
use crate::model::Page;

/// A type that is kept as rows of a table. The first column is its `id`.
pub trait Record: Sized + Send {
    /// The table.
    const TABLE: Table;
    /// Its columns, in the order in which they are read and written.
    const COLUMNS: &'static [Column];

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// A column holds what this type cannot.
    fn from_row(row: &mut Row) -> Result<Self, StoreError>;

    /// Gives the values of the columns.
    fn values(&self) -> Vec<Value>;
}

/// Which rows are asked for, and which of their columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The table.
    pub table: Table,
    /// The columns, in the order in which they are wanted.
    pub columns: &'static [Column],
    /// Which rows, in which order.
    pub selection: Selection,
}

/// By what rows are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Group {
    /// By a column.
    Column(Column),
    /// By a number or time, in steps of a width from an origin: the group's value is the number of the step.
    Step {
        /// The column.
        column: Column,
        /// Where step 0 begins. Rows before it should not be selected.
        origin: i64,
        /// How wide a step is.
        width: i64,
    },
}

/// A store of rows of any table.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// Reads rows.
    async fn read_rows(&self, question: &Question) -> Result<Vec<Row>, StoreError>;

    /// Counts the rows for which a condition holds.
    async fn count_rows(&self, table: Table, condition: &Condition) -> Result<u64, StoreError>;

    /// Counts rows by groups: rows of the groups' values and the count.
    async fn count_groups(&self, table: Table, groups: &[Group], condition: &Condition)
    -> Result<Vec<Row>, StoreError>;

    /// Carries out work in a transaction. It may be done more than once, when it was in the way of somebody else's; what
    /// the last time came to is what was committed.
    async fn carry_out(&self, work: Arc<dyn Work>) -> Result<(), StoreError>;
}

/// The records of a store.
#[derive(Clone, Copy)]
pub struct Records<'s>(&'s dyn RecordStore);

impl<'s> Records<'s> {
    /// Gives access to a store's records.
    pub fn new(store: &'s dyn RecordStore) -> Self {
        Records(store)
    }

    /// Lists records.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn list<R: Record>(self, selection: &Selection) -> Result<Vec<R>, StoreError> {
        let question = Question { table: R::TABLE, columns: R::COLUMNS, selection: selection.clone() };
        self.0.read_rows(&question).await?.iter_mut().map(R::from_row).collect()
    }

    /// Finds a record for which a condition holds.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn first<R: Record>(self, condition: Condition) -> Result<Option<R>, StoreError> {
        Ok(self.list(&Selection { condition, sort: Vec::new(), page: Page::first(1) }).await?.pop())
    }

    /// Counts the rows for which a condition holds.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn count(self, table: Table, condition: &Condition) -> Result<u64, StoreError> {
        self.0.count_rows(table, condition).await
    }

    /// Counts rows by groups: each row has the groups' values, in order, and then the count.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn count_groups(
        self,
        table: Table,
        groups: &[Group],
        condition: &Condition,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.count_groups(table, groups, condition).await
    }

    /// Does something in one transaction, which is undone if it returns an error.
    ///
    /// It may be done more than once, when it was in somebody's way. All other writers wait for its end: it must not wait
    /// for anything but the transaction.
    ///
    /// # Errors
    ///
    /// What is done returns one, or the store fails.
    pub async fn transact<T, E, F>(self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t, 'x> Fn(&'t mut Tx<'x>) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let closure = Arc::new(Closure { work, outcome: Mutex::new(None) });
        let written = self.0.carry_out(closure.clone()).await;
        let outcome = closure.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (written, outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Closed.into()),
            (Err(error), _) => Err(error.into()),
        }
    }
}

/// A function as work, with what it came to.
struct Closure<T, E, F> {
    work: F,
    outcome: Mutex<Option<Result<T, E>>>,
}

#[async_trait]
impl<T, E, F> Work for Closure<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: for<'t, 's> Fn(&'t mut Tx<'s>) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
{
    async fn carry_out(&self, session: &mut dyn Session) -> bool {
        let mut tx = Tx::new(session);
        let outcome = (self.work)(&mut tx).await;
        let keep = outcome.is_ok();
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        keep
    }
}
