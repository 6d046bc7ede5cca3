//! Values checked against JSON Schemas, as pydantic writes them for parameters of flows and for variables of jobs.
//!
//! The schemas come from clients, so nothing outside of them is read: a reference is one into the schema itself. What is wrong is
//! said in the words of Python's validator, since people have met them in Prefect.

mod check;
mod keyword;
mod meta;
mod prepare;
mod python;

pub(crate) use check::{Mistake, Problem, Step, check, problems};
pub(crate) use meta::check_schema;
pub(crate) use prepare::{prepare, without_required};
