//! The types of blocks that Prefect's client brings along, and expects to be there.
//!
//! `system_blocks.json` has their fields without the prose that the client's classes carry. That counts in the client's
//! checksum, by which it finds a schema: the checksums are therefore data as well.

use flowcore::store::records::Tx;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::block_schema::{NewSchema, Stamp, keep};
use super::block_type::{self, BlockType};
use crate::api::PREFECT_VERSION;
use crate::error::ApiError;
use crate::state::App;

const SYSTEM_BLOCKS: &str = include_str!("system_blocks.json");

#[derive(Clone, Deserialize)]
struct SystemBlock {
    name: String,
    slug: String,
    description: String,
    is_protected: bool,
    checksum: String,
    capabilities: Vec<String>,
    fields: Map<String, Value>,
}

fn system_blocks() -> Result<Vec<SystemBlock>, serde_json::Error> {
    serde_json::from_str(SYSTEM_BLOCKS)
}

/// Makes those types and schemas that are not there yet. What clients have made of the others stays.
pub(crate) async fn register(app: &App) -> Result<(), ApiError> {
    install(app, |_| true).await
}

/// Makes the types that cannot be deleted, if they are not there.
pub(crate) async fn install_protected(app: &App) -> Result<(), ApiError> {
    install(app, |block| block.is_protected).await
}

async fn install(app: &App, wanted: impl Fn(&SystemBlock) -> bool) -> Result<(), ApiError> {
    let blocks = system_blocks().map_err(|error| flowcore::store::StoreError::Row(error.to_string()))?;
    let blocks: Vec<SystemBlock> = blocks.into_iter().filter(|block| wanted(block)).collect();
    let stamp = Stamp::of(app);
    app.store
        .records()
        .transact(move |tx| {
            let (blocks, stamp) = (blocks.clone(), stamp.clone());
            Box::pin(async move {
                for block in blocks {
                    install_one(tx, &stamp, block).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn install_one(tx: &mut Tx<'_>, stamp: &Stamp, block: SystemBlock) -> Result<(), ApiError> {
    let kind = BlockType {
        id: stamp.clock.uuid(),
        created: stamp.now,
        updated: stamp.now,
        name: block.name,
        slug: block.slug,
        logo_url: None,
        documentation_url: None,
        description: Some(block.description),
        code_example: None,
        is_protected: block.is_protected,
    };
    tx.insert_new(&kind).await?;
    // Somebody's own type may have the name and another slug: then the client's class has no place here.
    let Some(known) = tx.first::<BlockType>(block_type::SLUG.is(&kind.slug)).await? else { return Ok(()) };
    if block.is_protected && !known.is_protected {
        tx.put(&BlockType { is_protected: true, ..known.clone() }).await?;
    }
    let new = NewSchema {
        block_type_id: known.id,
        fields: block.fields,
        capabilities: block.capabilities,
        version: PREFECT_VERSION.to_owned(),
        checksum: Some(block.checksum),
    };
    keep(tx, stamp, new).await.map(drop)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_blocks_that_come_along_can_be_read() {
        let blocks = system_blocks().unwrap();
        let protected: Vec<&str> =
            blocks.iter().filter(|block| block.is_protected).map(|block| block.slug.as_str()).collect();
        assert_eq!(protected, ["local-file-system", "secret", "webhook"]);
        assert!(blocks.iter().all(|block| block.fields["block_type_slug"] == block.slug));
    }
}
