//! The command line of `flowcore deploy`, which goes before what the file says.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::commands::deployment::{pairs, parameters};
use crate::deploy_file::{Written, read_any};
use crate::failure::Failure;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The flow: path/to/program:flow-name, or path/to/file.py:function for Python, from this folder. Without it, flowcore.yaml or
    /// prefect.yaml says what is deployed.
    pub(super) entrypoint: Option<String>,
    /// The deployment's name, unique among those of the flow. Without an entrypoint, which of the file's deployments to make:
    /// NAME or FLOW/NAME, with * for any letters; may be given several times.
    #[arg(long = "name", short, value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// Make all deployments of the file.
    #[arg(long, conflicts_with_all = ["names", "entrypoint"])]
    pub(super) all: bool,
    /// The file, instead of flowcore.yaml or prefect.yaml of this folder.
    #[arg(long, value_name = "FILE")]
    pub(super) prefect_file: Option<PathBuf>,
    /// The interpreter for flows and steps in Python, which has Prefect; without it python3, of the virtual environment that is
    /// active.
    #[arg(long, value_name = "PATH")]
    pub(super) python: Option<PathBuf>,
    #[command(flatten)]
    over: Over,
}

/// What goes before the file.
#[derive(Debug, Args)]
struct Over {
    /// The work pool whose workers execute its runs.
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,
    /// The queue of that pool.
    #[arg(long, short = 'q', value_name = "NAME")]
    work_queue: Option<String>,
    /// Make runs by a cron expression; may be given several times, as the other kinds of schedules. Without any, those that
    /// the server has stay.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Vec<String>,
    /// Make runs every so many seconds.
    #[arg(long, value_name = "SECONDS")]
    interval: Vec<u32>,
    /// A time from which intervals count.
    #[arg(long, value_name = "TIME")]
    anchor_date: Option<String>,
    /// Make runs by a recurrence rule of iCalendar.
    #[arg(long, value_name = "RULE")]
    rrule: Vec<String>,
    /// The zone in which schedules count local time, such as Europe/Oslo.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Take all schedules away.
    #[arg(long, conflicts_with_all = ["cron", "interval", "rrule"])]
    no_schedules: bool,
    /// What starts a run besides: an event's trigger as JSON, or a file with `triggers`. May be given several times.
    #[arg(long = "trigger", value_name = "TRIGGER")]
    triggers: Vec<String>,
    /// A parameter of its runs; VALUE is read as JSON where it is JSON. May be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Parameters as a JSON object.
    #[arg(long = "params", value_name = "JSON")]
    all_parameters: Option<String>,
    /// Let runs be made whose parameters do not fit the flow's.
    #[arg(long)]
    no_enforce_parameter_schema: bool,
    /// A tag of its runs; may be given several times.
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,
    /// What it is for; without it, what the flow is for.
    #[arg(long, short)]
    description: Option<String>,
    /// Its version; without it, that of the flow.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// How many of its runs may be under way at once.
    #[arg(long, value_name = "N")]
    concurrency_limit: Option<u32>,
    /// What becomes of a run for which the limit has no slot.
    #[arg(long, requires = "concurrency_limit", ignore_case = true)]
    collision_strategy: Option<Collision>,
    /// A variable of the job; may be given several times.
    #[arg(long = "job-variable", short = 'j', value_name = "NAME=VALUE")]
    job_variables: Vec<String>,
    /// Let its schedules rest at first.
    #[arg(long)]
    paused: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Collision {
    #[value(alias = "ENQUEUE")]
    Enqueue,
    #[value(alias = "CANCEL_NEW")]
    CancelNew,
}

impl Deploy {
    /// Tells whether the command line says more of a deployment than its name.
    pub(super) fn says_more(&self) -> bool {
        let mut written = Written::default();
        self.over.put_over(&mut written.fields).is_err() || !written.fields.is_empty()
    }

    /// Puts what the command line says over what the file says of the only deployment.
    pub(super) fn put_over(&self, written: &mut Written) -> Result<(), Failure> {
        if let Some(entrypoint) = &self.entrypoint {
            written.fields.insert("entrypoint".to_owned(), json!(entrypoint));
            written.fields.insert("name".to_owned(), json!(self.names.first()));
        }
        self.over.put_over(&mut written.fields)
    }
}

impl Over {
    fn put_over(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        say("description", self.description.as_ref().map(|text| json!(text)));
        say("version", self.version.as_ref().map(|text| json!(text)));
        say("tags", (!self.tags.is_empty()).then(|| json!(self.tags)));
        say("enforce_parameter_schema", self.no_enforce_parameter_schema.then_some(Value::Bool(false)));
        say("paused", self.paused.then_some(Value::Bool(true)));
        say("concurrency_limit", self.concurrency_limit.map(|limit| self.limit(limit)));
        say("schedules", self.no_schedules.then(|| json!([])));
        if !self.triggers.is_empty() {
            say("triggers", Some(triggers(&self.triggers)?));
        }
        self.put_schedules_over(fields);
        let parameters = parameters(self.all_parameters.as_deref(), &self.parameters)?;
        add(fields, "parameters", parameters);
        let mut pool = Map::new();
        pool.extend(self.pool.as_ref().map(|name| ("name".to_owned(), json!(name))));
        pool.extend(self.work_queue.as_ref().map(|name| ("work_queue_name".to_owned(), json!(name))));
        let mut variables = pairs(&self.job_variables)?;
        if !variables.is_empty() {
            let known = fields.get("work_pool").and_then(|pool| pool.get("job_variables")?.as_object());
            let mut all = known.cloned().unwrap_or_default();
            all.append(&mut variables);
            pool.insert("job_variables".to_owned(), Value::Object(all));
        }
        add(fields, "work_pool", pool);
        Ok(())
    }

    fn limit(&self, limit: u32) -> Value {
        match self.collision_strategy {
            None => json!(limit),
            Some(Collision::Enqueue) => json!({"limit": limit, "collision_strategy": "ENQUEUE"}),
            Some(Collision::CancelNew) => json!({"limit": limit, "collision_strategy": "CANCEL_NEW"}),
        }
    }

    /// Adds schedules to those of the file. The zone and the anchor are those of all.
    fn put_schedules_over(&self, fields: &mut Map<String, Value>) {
        let cron = self.cron.iter().map(|cron| json!({"cron": cron}));
        let interval = self.interval.iter().map(|seconds| json!({"interval": seconds}));
        let rrule = self.rrule.iter().map(|rule| json!({"rrule": rule}));
        let more: Vec<Value> = cron.chain(interval).chain(rrule).collect();
        if !more.is_empty() {
            match fields.get_mut("schedules") {
                Some(Value::Array(schedules)) => schedules.extend(more),
                _ => drop(fields.insert("schedules".to_owned(), Value::Array(more))),
            }
        }
        for schedule in fields.get_mut("schedules").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(zone) = &self.timezone {
                schedule["timezone"] = json!(zone);
            }
            if let (Some(anchor), Some(_)) = (&self.anchor_date, schedule.get("interval")) {
                schedule["anchor_date"] = json!(anchor);
            }
        }
    }
}

/// Adds values to an object of the fields, which is made if there is none.
fn add(fields: &mut Map<String, Value>, name: &str, values: Map<String, Value>) {
    match fields.get_mut(name) {
        _ if values.is_empty() => {}
        Some(Value::Object(known)) => known.extend(values),
        _ => drop(fields.insert(name.to_owned(), Value::Object(values))),
    }
}

/// Reads triggers: JSON, or files of JSON or YAML that have some.
fn triggers(given: &[String]) -> Result<Value, Failure> {
    let mut triggers = Vec::new();
    for text in given {
        let is_file = [".json", ".yaml", ".yml"].iter().any(|end| text.ends_with(end));
        if is_file {
            match read_any(Path::new(text))?.get_mut("triggers").map(Value::take) {
                Some(Value::Array(more)) => triggers.extend(more),
                _ => return Err(Failure::new(format!("the file {} has no list `triggers`", one_line(text)))),
            }
        } else {
            let trigger = serde_json::from_str(text)
                .map_err(|error| Failure::Usage(format!("--trigger is no JSON and names no file: {error}")))?;
            triggers.push(trigger);
        }
    }
    Ok(Value::Array(triggers))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        deploy: Deploy,
    }

    fn over(line: &str, fields: Value) -> Value {
        let Line { deploy } = Line::try_parse_from(line.split(' ')).unwrap();
        let mut written = Written { fields: fields.as_object().cloned().unwrap(), ..Written::default() };
        deploy.put_over(&mut written).unwrap();
        Value::Object(written.fields)
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = json!({"name": "x", "entrypoint": "a:b", "tags": ["one"], "parameters": {"a": 1, "b": 2}, "version": "1",
            "work_pool": {"name": "default", "job_variables": {"x": 1}}, "schedules": [{"interval": 60}]});
        let line = "deploy c:d --name y --tag two --param a=3 --pool other -j y=2 --cron @daily --timezone UTC \
                    --anchor-date 2026-01-01 --concurrency-limit 2 --collision-strategy CANCEL_NEW --paused";
        let expected = json!({"name": "y", "entrypoint": "c:d", "tags": ["two"], "parameters": {"a": 3, "b": 2}, "version": "1",
            "work_pool": {"name": "other", "job_variables": {"x": 1, "y": 2}}, "paused": true,
            "schedules": [{"interval": 60, "timezone": "UTC", "anchor_date": "2026-01-01"}, {"cron": "@daily", "timezone": "UTC"}],
            "concurrency_limit": {"limit": 2, "collision_strategy": "CANCEL_NEW"}});
        assert_eq!(over(line, file), expected);
    }

    #[test]
    fn a_command_line_that_says_nothing_changes_nothing() {
        let file = json!({"name": "x", "schedules": []});
        assert_eq!(over("deploy --name x", file.clone()), file);
        assert_eq!(over("deploy --no-schedules", json!({"schedules": [{"interval": 5}]})), json!({"schedules": []}));
    }
}
