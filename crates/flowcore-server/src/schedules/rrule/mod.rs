//! Recurrence rules of iCalendar, read and reckoned as dateutil does, Prefect's library.
//!
//! A time zone in the text is not followed: the digits count, on the clocks of the schedule's zone.

mod calendar;
mod rule;
mod set;
mod text;
mod times;

pub(super) use set::Rules;
