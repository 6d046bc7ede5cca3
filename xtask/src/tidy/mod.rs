//! `cargo xtask tidy`: what can be checked without compiling.
//!
//! One file a check; `layers.rs` holds the table of which module may import which.

mod command;
mod external;
mod finding;
mod imports;
mod layers;
mod length;
mod lexer;
mod source;
mod test_code;
mod tree;
mod words;

pub(crate) use command::run;
