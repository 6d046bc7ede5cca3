//! A deployment whose placeholders are filled in.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::interval;

/// What is to be deployed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    #[serde(deserialize_with = "label")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "label")]
    pub(crate) version: Option<String>,
    #[serde(deserialize_with = "labels")]
    pub(crate) tags: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) entrypoint: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) parameters: Map<String, Value>,
    pub(crate) enforce_parameter_schema: Option<bool>,
    /// None: those that the server has stay. An empty list takes them away.
    pub(crate) schedules: Option<Vec<ScheduleSpec>>,
    /// The only schedule, as files of older days say it.
    schedule: Option<ScheduleSpec>,
    pub(crate) paused: Option<bool>,
    #[serde(deserialize_with = "limit")]
    pub(crate) concurrency_limit: Option<ConcurrencyLimit>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) work_pool: WorkPool,
    pub(crate) labels: Option<Map<String, Value>>,
    pub(crate) triggers: Option<Vec<Map<String, Value>>>,
    sla: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkPool {
    #[serde(deserialize_with = "label")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "label")]
    pub(crate) work_queue_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) job_variables: Map<String, Value>,
}

/// How many runs may be under way at once, and what becomes of one more.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConcurrencyLimit {
    pub(crate) limit: u32,
    pub(crate) collision_strategy: Option<String>,
    pub(crate) grace_period_seconds: Option<u32>,
}

/// When runs are made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScheduleSpec {
    pub(crate) cron: Option<String>,
    pub(crate) interval: Value,
    pub(crate) rrule: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) anchor_date: Option<String>,
    pub(crate) day_or: Option<bool>,
    pub(crate) active: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) parameters: Map<String, Value>,
    #[serde(deserialize_with = "label")]
    pub(crate) slug: Option<String>,
    #[serde(deserialize_with = "label")]
    pub(crate) replaces: Option<String>,
    pub(crate) max_scheduled_runs: Option<u32>,
    pub(crate) catch_up: Option<String>,
    /// The long form, in which the rule is a part of its own.
    schedule: Option<Box<ScheduleSpec>>,
}

impl Spec {
    /// Reads a deployment.
    pub(crate) fn read(fields: Map<String, Value>) -> Result<Self, String> {
        let mut spec: Spec = serde_path(fields)?;
        let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty(&spec.sla) {
            return Err("`sla` is Prefect Cloud's alone: remove it".to_owned());
        }
        match (spec.schedule.take().filter(|schedule| !schedule.is_empty()), &spec.schedules) {
            (Some(_), Some(_)) => {
                return Err("it has both `schedule` and `schedules`: move the first into the second".to_owned());
            }
            (Some(schedule), None) => spec.schedules = Some(vec![schedule]),
            (None, _) => {}
        }
        Ok(spec)
    }
}

/// Reads values, and tells at which field one is wrong.
fn serde_path(fields: Map<String, Value>) -> Result<Spec, String> {
    let mut wrong = None;
    for (name, value) in &fields {
        let one: Map<String, Value> = [(name.clone(), value.clone())].into_iter().collect();
        if let Err(error) = serde_json::from_value::<Spec>(Value::Object(one)) {
            wrong = Some(format!("`{name}`: {error}"));
        }
    }
    match wrong {
        Some(wrong) => Err(wrong),
        None => serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string()),
    }
}

impl ScheduleSpec {
    fn is_empty(&self) -> bool {
        self.schedule.is_none() && self.cron.is_none() && self.interval.is_null() && self.rrule.is_none()
    }

    /// Writes it as the API has it.
    pub(crate) fn body(self) -> Result<Value, String> {
        let ScheduleSpec { active, parameters, slug, replaces, max_scheduled_runs, catch_up, .. } = self.clone();
        let mut body = json!({"schedule": self.rule()?});
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                body[name] = value;
            }
        };
        say("active", json!(active));
        say("slug", json!(slug));
        say("replaces", json!(replaces));
        say("max_scheduled_runs", json!(max_scheduled_runs));
        say("catch_up", json!(catch_up));
        if !parameters.is_empty() {
            say("parameters", json!(parameters));
        }
        Ok(body)
    }

    fn rule(self) -> Result<Value, String> {
        if let Some(rule) = self.schedule {
            return rule.rule();
        }
        let interval = Some(&self.interval).filter(|interval| !interval.is_null());
        let kinds = [self.cron.is_some(), interval.is_some(), self.rrule.is_some()];
        if kinds.iter().filter(|is_there| **is_there).count() != 1 {
            return Err("a schedule has one of `cron`, `interval` and `rrule`".to_owned());
        }
        let mut rule = Map::new();
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                rule.insert(name.to_owned(), value);
            }
        };
        if let Some(interval) = interval {
            let why = || format!("`interval`: {interval} is no number of seconds");
            say("interval", json!(interval::seconds(interval).ok_or_else(why)?));
            say("anchor_date", json!(self.anchor_date));
        }
        say("cron", json!(self.cron));
        if self.cron.is_some() {
            say("day_or", json!(self.day_or));
        }
        match self.rrule.as_deref().map(|rule| (rule, serde_json::from_str::<Map<String, Value>>(rule))) {
            // Prefect takes the whole rule as JSON as well.
            Some((_, Ok(whole))) => whole.into_iter().for_each(|(name, value)| say(&name, value)),
            Some((text, Err(_))) => say("rrule", json!(text)),
            None => {}
        }
        say("timezone", json!(self.timezone));
        Ok(Value::Object(rule))
    }
}

fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a text, or a number that is meant as one.
fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(serde::de::Error::custom(format!("{other} is no text"))),
    }
}

/// Reads texts: a list, or one with commas, which a placeholder may have become.
fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => {
            let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
            Ok(tags.map(str::to_owned).collect())
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                Value::Number(number) => Ok(number.to_string()),
                other => Err(serde::de::Error::custom(format!("{other} is no text"))),
            })
            .collect(),
        other => Err(serde::de::Error::custom(format!("{other} is no list of texts"))),
    }
}

/// Reads a limit: a number, which may have become a text, or an object.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConcurrencyLimit>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Object(_) => return serde_json::from_value(value).map(Some).map_err(serde::de::Error::custom),
        _ => None,
    };
    let limit = number.and_then(|number| u32::try_from(number).ok()).filter(|limit| *limit > 0);
    let limit = limit.ok_or_else(|| serde::de::Error::custom(format!("{value} is no number of runs")))?;
    Ok(Some(ConcurrencyLimit { limit, collision_strategy: None, grace_period_seconds: None }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn spec(fields: Value) -> Result<Spec, String> {
        Spec::read(fields.as_object().cloned().unwrap())
    }

    fn body(schedule: Value) -> Result<Value, String> {
        serde_json::from_value::<ScheduleSpec>(schedule).unwrap().body()
    }

    #[test]
    fn schedules_are_written_as_the_api_has_them() {
        let cron =
            body(json!({"cron": "0 6 * * *", "timezone": "UTC", "day_or": false, "active": false, "slug": "six"}));
        let expected = json!({
            "schedule": {"cron": "0 6 * * *", "timezone": "UTC", "day_or": false}, "active": false, "slug": "six",
        });
        assert_eq!(cron, Ok(expected));
        let interval =
            body(json!({"interval": "00:15:00", "anchor_date": "2026-01-01T00:00:00Z", "parameters": {"a": 1}}));
        let rule = json!({"interval": 900.0, "anchor_date": "2026-01-01T00:00:00Z"});
        assert_eq!(interval, Ok(json!({"schedule": rule, "parameters": {"a": 1}})));
        let rrule =
            body(json!({"rrule": "{\"rrule\": \"FREQ=DAILY\", \"timezone\": \"UTC\"}", "timezone": "Europe/Oslo"}));
        assert_eq!(rrule, Ok(json!({"schedule": {"rrule": "FREQ=DAILY", "timezone": "Europe/Oslo"}})));
        let long = body(json!({"schedule": {"cron": "* * * * *"}, "active": true}));
        assert_eq!(long, Ok(json!({"schedule": {"cron": "* * * * *"}, "active": true})));
        assert!(body(json!({"cron": "* * * * *", "interval": 5})).is_err());
        assert!(body(json!({"timezone": "UTC"})).is_err());
    }

    #[test]
    fn schedules_that_nobody_speaks_of_are_none() {
        assert!(spec(json!({})).unwrap().schedules.is_none());
        assert!(spec(json!({"schedule": {}})).unwrap().schedules.is_none());
        assert_eq!(spec(json!({"schedules": []})).unwrap().schedules.map(|schedules| schedules.len()), Some(0));
        assert_eq!(
            spec(json!({"schedule": {"interval": 5}})).unwrap().schedules.map(|schedules| schedules.len()),
            Some(1)
        );
        assert!(spec(json!({"schedule": {"interval": 5}, "schedules": []})).is_err());
    }

    #[test]
    fn what_placeholders_have_become_is_read_and_a_wrong_field_is_named() {
        let read =
            spec(json!({"tags": "a, b", "version": 3, "concurrency_limit": "2", "work_pool": {"name": "p"}})).unwrap();
        assert_eq!((read.tags, read.version), (vec!["a".to_owned(), "b".to_owned()], Some("3".to_owned())));
        assert_eq!((read.concurrency_limit.unwrap().limit, read.work_pool.name), (2, Some("p".to_owned())));
        let wrong = spec(json!({"name": "x", "paused": "perhaps"})).unwrap_err();
        assert!(wrong.starts_with("`paused`:"), "{wrong}");
        assert!(spec(json!({"sla": [{}]})).unwrap_err().contains("Prefect Cloud"));
    }
}
