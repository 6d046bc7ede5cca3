//! What is done inside a transaction.

use async_trait::async_trait;

use super::{Question, Record, Row, Value};
use crate::model::{FlowRun, Page, StateId};
use crate::store::query::{Column, Condition, Selection, Table};
use crate::store::{StoreError, Swap};

/// One change of rows, as data.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new row.
    Insert {
        /// The table.
        table: Table,
        /// Its columns.
        columns: &'static [Column],
        /// Their values.
        values: Vec<Value>,
        /// What if there is one of its kind already.
        conflict: Conflict,
    },
    /// Other values for rows.
    Update {
        /// The table.
        table: Table,
        /// The columns that change, and what to.
        set: Vec<(Column, Value)>,
        /// In which rows.
        condition: Condition,
    },
    /// No rows any more.
    Delete {
        /// The table.
        table: Table,
        /// Which rows.
        condition: Condition,
    },
}

/// What becomes of a new row if a row has its id, or another value that only one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The change fails, with [`StoreError::Exists`].
    Fail,
    /// The row that is there stays.
    Skip,
    /// The row of that id is replaced.
    Replace,
}

/// A transaction, as a store gives it to work.
#[async_trait]
pub trait Session: Send {
    /// Reads rows; locked ones stay as they are until the transaction ends.
    async fn read(&mut self, question: &Question, lock: bool) -> Result<Vec<Row>, StoreError>;

    /// Counts the rows for which a condition holds.
    async fn count(&mut self, table: Table, condition: &Condition) -> Result<u64, StoreError>;

    /// Changes rows, and tells how many.
    async fn write(&mut self, change: Change) -> Result<u64, StoreError>;

    /// Puts a flow run into the state that it is given in, if it still is in the state `expected`.
    async fn swap_flow_run(&mut self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError>;
}

/// Something that is done in a transaction.
#[async_trait]
pub trait Work: Send + Sync {
    /// Does it; tells whether it is to be kept, and not undone.
    async fn carry_out(&self, session: &mut dyn Session) -> bool;
}

/// A transaction. What fails in it has failed it as a whole: return the error.
pub struct Tx<'s>(&'s mut dyn Session);

impl<'s> Tx<'s> {
    pub(super) fn new(session: &'s mut dyn Session) -> Self {
        Tx(session)
    }

    /// Lists records.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn list<R: Record>(&mut self, selection: &Selection) -> Result<Vec<R>, StoreError> {
        self.read(selection, false).await
    }

    /// Finds a record for which a condition holds.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn first<R: Record>(&mut self, condition: Condition) -> Result<Option<R>, StoreError> {
        Ok(self.read(&one(condition), false).await?.pop())
    }

    /// Finds a record for which a condition holds, and keeps it as it is until the transaction ends.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn lock_first<R: Record>(&mut self, condition: Condition) -> Result<Option<R>, StoreError> {
        Ok(self.read(&one(condition), true).await?.pop())
    }

    /// Lists all records for which a condition holds, by their ids, and keeps them as they are until the transaction ends.
    /// What is read to decide a change is read so, since another server may work on the same database.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn lock<R: Record>(&mut self, condition: Condition) -> Result<Vec<R>, StoreError> {
        self.read(&Selection { condition, sort: Vec::new(), page: Page::first(u32::MAX) }, true).await
    }

    /// Counts the rows for which a condition holds.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn count(&mut self, table: Table, condition: &Condition) -> Result<u64, StoreError> {
        self.0.count(table, condition).await
    }

    /// Inserts a record.
    ///
    /// # Errors
    ///
    /// There is one already ([`StoreError::Exists`]), or the store fails.
    pub async fn insert<R: Record>(&mut self, record: &R) -> Result<(), StoreError> {
        self.add(record, Conflict::Fail).await.map(drop)
    }

    /// Inserts a record unless there is one already; tells whether it did.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn insert_new<R: Record>(&mut self, record: &R) -> Result<bool, StoreError> {
        Ok(self.add(record, Conflict::Skip).await? > 0)
    }

    /// Inserts a record, or replaces the one that has its id.
    ///
    /// # Errors
    ///
    /// Another record has a value that only one may have ([`StoreError::Exists`]), or the store fails.
    pub async fn put<R: Record>(&mut self, record: &R) -> Result<(), StoreError> {
        self.add(record, Conflict::Replace).await.map(drop)
    }

    /// Changes columns of rows, and tells of how many.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn update(
        &mut self,
        table: Table,
        set: Vec<(Column, Value)>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.0.write(Change::Update { table, set, condition }).await
    }

    /// Deletes rows, and tells how many.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn delete(&mut self, table: Table, condition: Condition) -> Result<u64, StoreError> {
        self.0.write(Change::Delete { table, condition }).await
    }

    /// Puts a flow run into the state that it is given in, if it still is in the state `expected`: for what may happen only as long as
    /// the transaction sees what it sees.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn swap_flow_run(&mut self, run: FlowRun, expected: StateId) -> Result<Swap, StoreError> {
        self.0.swap_flow_run(run, expected).await
    }

    async fn read<R: Record>(&mut self, selection: &Selection, lock: bool) -> Result<Vec<R>, StoreError> {
        let question = Question { table: R::TABLE, columns: R::COLUMNS, selection: selection.clone() };
        self.0.read(&question, lock).await?.iter_mut().map(R::from_row).collect()
    }

    async fn add<R: Record>(&mut self, record: &R, conflict: Conflict) -> Result<u64, StoreError> {
        let (table, columns, values) = (R::TABLE, R::COLUMNS, record.values());
        self.0.write(Change::Insert { table, columns, values, conflict }).await
    }
}

fn one(condition: Condition) -> Selection {
    Selection { condition, sort: Vec::new(), page: Page::first(1) }
}
