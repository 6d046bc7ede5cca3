//! Encryption of what is secret, before it gets into the database.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes. What is encrypted is bound to the id of its row, so that it cannot
//! be moved into another one. Which keys are right is noticed when the server starts, by a row that only they open
//! ([`proof`]).

mod keys;
mod proof;

pub(crate) use keys::Keys;
pub use keys::{KeyError, KeySource};
pub(crate) use proof::{adopt, prove};
