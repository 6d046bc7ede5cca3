//! The row by which a server notices wrong keys, and the way to a new key.

use flowcore::store::query::{Column, Condition, Kind, Table};
use flowcore::store::records::{Record, Row, Tx, Value};
use flowcore::store::{ServerStore, StoreError};
use uuid::Uuid;

use super::keys::{KeyError, KeySource, Keys};
use crate::blocks::{BlockDocument, block_document};
use crate::server::ServerError;

const PLAIN: &[u8] = b"flowcore";
const ID: Column = Column::new("id", Kind::Id, false);
const SEALED: Column = Column::new("sealed", Kind::Bytes, false);
/// The id of the one row.
const THE_ONE: Uuid = Uuid::from_u128(1);

/// What only the right keys open.
#[derive(Clone)]
struct Proof {
    id: Uuid,
    sealed: Vec<u8>,
}

impl Record for Proof {
    const TABLE: Table = Table::new("encryption_proof");
    const COLUMNS: &'static [Column] = &[ID, SEALED];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Proof { id: row.id()?, sealed: row.bytes()? })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.id.into(), self.sealed.clone().into()]
    }
}

/// Takes a source's keys for a database, if they are the right ones. What is encrypted with another one than the first is
/// encrypted anew, so that the others can be left out from then on.
///
/// # Errors
///
/// There is no key, it is the wrong one, or the database fails.
pub(crate) async fn adopt(store: &dyn ServerStore, source: &KeySource) -> Result<Keys, ServerError> {
    let known = store.records().first::<Proof>(ID.is(THE_ONE)).await?;
    let keys = match (source.read()?, &known, source) {
        (Some(keys), _, _) => keys,
        (None, Some(_), KeySource::Folder(folder)) => {
            return Err(KeyError::Missing(folder.join("encryption.key")).into());
        }
        (None, _, _) => source.make()?,
    };
    let (ours, source) = (keys.clone(), source.clone());
    store
        .records()
        .transact(move |tx| {
            let (keys, source) = (ours.clone(), source.clone());
            Box::pin(async move { check(tx, &keys, &source).await })
        })
        .await?;
    Ok(keys)
}

/// Notes that a database is encrypted with these keys, unless it says so already.
pub(crate) async fn prove(store: &dyn ServerStore, keys: &Keys) -> Result<(), ServerError> {
    let proof = Proof { id: THE_ONE, sealed: keys.seal(PLAIN, THE_ONE)? };
    let work = store.records().transact(move |tx| {
        let proof = proof.clone();
        Box::pin(async move { tx.insert_new(&proof).await })
    });
    work.await?;
    Ok(())
}

async fn check(tx: &mut Tx<'_>, keys: &Keys, source: &KeySource) -> Result<(), ServerError> {
    let proof = Proof { id: THE_ONE, sealed: keys.seal(PLAIN, THE_ONE)? };
    // Another server may begin on the same database in this moment, with another key.
    if tx.insert_new(&proof).await? {
        return Ok(());
    }
    let Some(known) = tx.lock_first::<Proof>(ID.is(THE_ONE)).await? else { return Ok(()) };
    let wrong = || KeyError::Wrong(source.name());
    let (_, number) = keys.open(&known.sealed, THE_ONE).map_err(|_| wrong())?;
    if number > 0 {
        for document in tx.lock::<BlockDocument>(Condition::ALWAYS).await? {
            let (plain, _) = keys.open(&document.data, document.id).map_err(|_| wrong())?;
            let sealed = keys.seal(&plain, document.id)?;
            tx.update(
                BlockDocument::TABLE,
                vec![(block_document::DATA, sealed.into())],
                block_document::ID.is(document.id),
            )
            .await?;
        }
        tx.put(&proof).await?;
    }
    Ok(())
}
