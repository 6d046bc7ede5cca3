//! When a deployment's runs are due: by intervals, cron expressions or recurrence rules, in a time zone.
//!
//! All three are reckoned on local time without a zone, as Prefect does: cron as its croniter, rules as dateutil. What the
//! clocks of the zone make of a local time is decided in one place (`Zone`), and nothing here knows of stores or of the
//! present time: [`Schedule::dates`] is a function of the schedule and a start.
//!
//! | module | what |
//! | --- | --- |
//! | `schedule` | the three kinds as clients send them, checked |
//! | `zone` | local times as instants, over changes of the clocks |
//! | `interval` | every so often since an anchor |
//! | `cron` | expressions of five to seven fields |
//! | `rrule` | recurrence rules of iCalendar, and sets of them |

mod cron;
mod interval;
mod rrule;
mod schedule;
#[cfg(test)]
mod table_tests;
mod zone;

pub use schedule::{CronSchedule, IntervalSchedule, RRuleSchedule, Schedule};
use zone::Zone;
