//! Blocks: types, schemas and documents.
//!
//! A *type* names a kind of block. A *schema* says which fields its documents have; it is recognized by its checksum, so that every
//! client that has the same class finds the same schema ([`checksum`]). Where a field holds another block, the schema
//! refers to that one's schema, and is written out with it when it is read ([`schemas`]). A *document* is a block: what
//! its fields hold, encrypted, and which other documents stand in them ([`documents`]). Fields that its schema calls secret
//! are hidden unless they are asked for ([`secrets`]).

pub(crate) mod block_document;
pub(crate) mod block_schema;
pub(crate) mod block_type;
mod checksum;
mod definitions;
pub(crate) mod documents;
pub(crate) mod schemas;
mod secrets;
mod system;

pub(crate) use block_document::BlockDocument;
pub(crate) use block_schema::BlockSchema;
pub(crate) use block_type::{BlockType, BlockTypeBody};
pub(crate) use system::{install_protected, register};
