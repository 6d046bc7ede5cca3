//! Cron expressions, read and reckoned as croniter does, Prefect's library.

mod expression;
mod field;
mod search;

pub(super) use expression::Expression;
