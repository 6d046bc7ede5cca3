//! The table of routes, from which both the router and the OpenAPI document are made.
//!
//! A handler documents itself: its arguments say what it takes out of a request ([`describe::Input`]) and its result what it answers
//! ([`describe::Output`]), so that a line of the table has only what types cannot say: path, method, Prefect's name of the operation
//! and, where it is not the usual one, the status of the answer.

mod describe;
mod document;
mod operation;
mod table;

pub(crate) use operation::op;
pub(crate) use table::Routes;
