//! Tests of flowcore as a whole: each folder is one test program.

pub mod built;
pub mod fuzz;
pub mod given;
pub mod prefect;
