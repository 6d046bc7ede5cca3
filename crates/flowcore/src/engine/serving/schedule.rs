//! When the runs of a deployment are due.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::engine::error::Error;
use crate::engine::retry::Seconds;
use crate::model::Timestamp;

/// When runs of a deployment are due, and what is special about those runs. The server makes them, ahead of their time.
///
/// ```
/// use flowcore::Schedule;
///
/// let nightly = Schedule::cron("0 3 * * mon-fri").timezone("Europe/Oslo").parameter("full", true);
/// let often = Schedule::every(900);
/// let monthly = Schedule::rrule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18").slug("closing");
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The schedule itself, as Prefect's API has it.
    when: Map<String, Value>,
    active: bool,
    parameters: Map<String, Value>,
    slug: Option<String>,
    /// Why a parameter could not be written.
    problem: Option<String>,
}

impl Schedule {
    fn new(key: &str, value: Value) -> Self {
        Schedule::written(Map::from_iter([(key.to_owned(), value)]))
    }

    /// Is due as Prefect's API writes it.
    pub(super) fn written(when: Map<String, Value>) -> Self {
        Schedule { when, active: true, parameters: Map::new(), slug: None, problem: None }
    }

    /// Is due by a cron expression of five fields: minute, hour, day of the month, month, day of the week. A server refuses
    /// one that it cannot read.
    pub fn cron(expression: impl Into<String>) -> Self {
        Schedule::new("cron", Value::String(expression.into()))
    }

    /// Is due every so often, at least a second.
    pub fn every(interval: impl Into<Seconds>) -> Self {
        Schedule::new("interval", json!(interval.into().duration().as_secs_f64()))
    }

    /// Is due by a recurrence rule of iCalendar (RFC 5545).
    pub fn rrule(rule: impl Into<String>) -> Self {
        Schedule::new("rrule", Value::String(rule.into()))
    }

    /// Counts local times in this zone of the IANA database, such as `Europe/Oslo`; without it in UTC.
    pub fn timezone(self, zone: impl Into<String>) -> Self {
        self.with("timezone", Value::String(zone.into()))
    }

    /// Counts intervals from this time.
    pub fn anchor(self, anchor: Timestamp) -> Self {
        self.with("anchor_date", json!(anchor))
    }

    /// Says whether a day fits a cron expression by its place in the month or in the week, which it does unless this says
    /// `false`: then by both.
    pub fn day_or(self, day_or: bool) -> Self {
        self.with("day_or", Value::Bool(day_or))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.when.insert(key.to_owned(), value);
        self
    }

    /// Sets a parameter of its runs, over that of the deployment.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        set(&mut self.parameters, &mut self.problem, "parameter", name.into(), value);
        self
    }

    /// Names it among the schedules of its deployment: a schedule of that slug is changed instead of replaced.
    pub fn slug(mut self, slug: impl Into<String>) -> Self {
        self.slug = Some(slug.into());
        self
    }

    /// Makes no runs until it is made active.
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }

    /// Writes it as Prefect's API has it.
    pub(super) fn body(&self) -> Result<Value, Error> {
        if let Some(problem) = &self.problem {
            return Err(Error::msg(problem.clone()));
        }
        let mut body = json!({"active": self.active, "schedule": self.when, "parameters": self.parameters});
        if let Some(slug) = &self.slug {
            body["slug"] = json!(slug);
        }
        Ok(body)
    }
}

/// Sets a value among others, or says why it cannot be written.
pub(in crate::engine) fn set(
    values: &mut Map<String, Value>,
    problem: &mut Option<String>,
    what: &str,
    name: String,
    value: impl Serialize,
) {
    match serde_json::to_value(value) {
        Ok(value) => drop(values.insert(name, value)),
        Err(error) => *problem = Some(format!("the {what} `{name}` cannot be written as JSON: {error}")),
    }
}
