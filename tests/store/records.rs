//! Rows of any table as types, in SQLite and PostgreSQL: the memory store has none.

use std::sync::Arc;

use flowcore::model::{Order, Page};
use flowcore::store::query::{Column, Condition, Kind, Selection, Table, Test, Values, flow};
use flowcore::store::records::{Group, Record, Row, Value};
use flowcore::store::{ServerStore, StoreError, sql};
use futures_util::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

use crate::backend;

/// A flow's row with as many columns as these tests want.
#[derive(Clone, Debug, PartialEq)]
struct Named {
    id: Uuid,
    name: String,
    created: i64,
}

const CREATED: Column = Column::new("created", Kind::Number, false);

impl Record for Named {
    const TABLE: Table = Table::FLOWS;
    const COLUMNS: &'static [Column] = &[flow::ID, flow::NAME, CREATED, flow::TAGS];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let named = Named { id: row.id()?, name: row.text()?, created: row.number()? };
        assert_eq!(row.json::<Vec<String>>()?, ["a tag"]);
        Ok(named)
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), (&self.name).into(), self.created.into(), Value::json(&["a tag"])]
    }
}

fn named(number: u128, name: &str, created: i64) -> Named {
    Named { id: Uuid::from_u128(number), name: name.to_owned(), created }
}

fn all() -> Selection {
    Selection { condition: Condition::ALWAYS, sort: vec![(flow::NAME, Order::OldestFirst)], page: Page::ALL }
}

async fn names(store: &dyn ServerStore) -> Vec<String> {
    store.records().list::<Named>(&all()).await.unwrap().into_iter().map(|named| named.name).collect()
}

/// Inserts all of these or none.
async fn insert(store: &dyn ServerStore, new: Vec<Named>) -> Result<(), StoreError> {
    let insert = store.records().transact(move |tx| {
        let new = new.clone();
        Box::pin(async move {
            for named in &new {
                tx.insert(named).await?;
            }
            Ok(())
        })
    });
    insert.await
}

async fn work_that_fails_leaves_nothing(store: Arc<dyn ServerStore>) {
    insert(&*store, vec![named(1, "a", 0), named(2, "b", 0)]).await.unwrap();
    // Others in the same moment are kept, whatever becomes of this one.
    let (taken, kept) = tokio::join!(
        insert(&*store, vec![named(3, "c", 0), named(4, "a", 0)]),
        insert(&*store, vec![named(5, "d", 0)])
    );
    assert!(matches!(taken, Err(StoreError::Exists(_))), "{taken:?}");
    kept.unwrap();
    assert_eq!(names(&*store).await, ["a", "b", "d"]);
    let refused = store.records().transact(|tx| {
        Box::pin(async move {
            assert_eq!(tx.delete(Table::FLOWS, Condition::ALWAYS).await?, 3);
            assert_eq!(tx.count(Table::FLOWS, &Condition::ALWAYS).await?, 0);
            Err::<(), _>(StoreError::Other("thought better of it".to_owned()))
        })
    });
    assert!(refused.await.unwrap_err().to_string().contains("thought better of it"));
    assert_eq!(names(&*store).await, ["a", "b", "d"]);
}

async fn rows_are_changed_and_found(store: Arc<dyn ServerStore>) {
    insert(&*store, vec![named(1, "a", 10), named(2, "b", 25), named(3, "c", 29)]).await.unwrap();
    let found = store.records().first::<Named>(flow::NAME.is("b")).await.unwrap();
    assert_eq!(found, Some(named(2, "b", 25)));
    let changed = store.records().transact(|tx| {
        Box::pin(async move {
            assert!(!tx.insert_new(&named(9, "a", 0)).await?);
            assert!(tx.insert_new(&named(4, "d", 40)).await?);
            tx.put(&named(1, "A", 11)).await?;
            let rows = CREATED.one_of(Values::Numbers(vec![25, 29]));
            let changed = tx.update(Table::FLOWS, vec![(CREATED, Value::from(30_i64))], rows).await?;
            assert_eq!(tx.delete(Table::FLOWS, flow::ID.is(Uuid::from_u128(4))).await?, 1);
            Ok::<_, StoreError>(changed)
        })
    });
    assert_eq!(changed.await.unwrap(), 2);
    let rows = store.records().list::<Named>(&all()).await.unwrap();
    assert_eq!(rows, [named(1, "A", 11), named(2, "b", 30), named(3, "c", 30)]);
    let late = Condition::Column(CREATED, Test::AtLeast(30));
    assert_eq!(store.records().count(Table::FLOWS, &late).await.unwrap(), 2);
    let groups = [Group::Step { column: CREATED, origin: 1, width: 10 }, Group::Column(flow::TAGS)];
    let mut counts = store.records().count_groups(Table::FLOWS, &groups, &Condition::ALWAYS).await.unwrap();
    let mut counts: Vec<_> =
        counts.iter_mut().map(|row| (row.number().unwrap(), row.text().unwrap(), row.number().unwrap())).collect();
    counts.sort();
    let tags = || r#"["a tag"]"#.to_owned();
    assert_eq!(counts, [(1, tags(), 1), (2, tags(), 2)]);
}

async fn nobody_comes_between_a_look_and_a_change(store: Arc<dyn ServerStore>) {
    insert(&*store, vec![named(1, "counter", 0)]).await.unwrap();
    let count = |_| {
        let store = store.clone();
        async move {
            let count = store.records().transact(|tx| {
                Box::pin(async move {
                    let found = tx.lock_first::<Named>(flow::NAME.is("counter")).await?;
                    let mut found = found.ok_or(StoreError::Closed)?;
                    found.created += 1;
                    tx.put(&found).await
                })
            });
            count.await.unwrap();
        }
    };
    join_all((0..100).map(count)).await;
    let found = store.records().first::<Named>(flow::NAME.is("counter")).await.unwrap();
    assert_eq!(found.unwrap().created, 100);
}

/// Makes a test of each case for both databases.
macro_rules! on_both {
    ($($case:ident),+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let folder = super::TempDir::new().unwrap();
                let url = format!("sqlite://{}", folder.path().join("runs.db").display());
                let store = super::sql::connect_server(&url).await.unwrap();
                super::$case(store.clone()).await;
                store.close().await.unwrap();
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(fresh) = super::backend::postgres(stringify!($case)).await else { return };
                let store = super::sql::connect_server(&crate::postgres::url(&fresh)).await.unwrap();
                super::$case(store.clone()).await;
                store.close().await.unwrap();
                fresh.remove().await;
            })+
        }
    };
}

pub(crate) use on_both;

on_both!(work_that_fails_leaves_nothing, rows_are_changed_and_found, nobody_comes_between_a_look_and_a_change);
