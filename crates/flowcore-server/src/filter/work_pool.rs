//! Work pools, their queues and workers.

use flowcore::store::query::{Condition, Test, Values};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::criteria::Operator;
use crate::pools::{WorkerStatus, pool, queue, worker};

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AnyId {
    any_: Option<Vec<Uuid>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AnyText {
    any_: Option<Vec<String>>,
}

/// Selects work pools.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkPoolFilter {
    operator: Operator,
    id: Option<AnyId>,
    name: Option<AnyText>,
    #[serde(rename = "type")]
    kind: Option<AnyText>,
}

impl WorkPoolFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ids = self.id.iter().filter_map(|id| id.any_.clone()).map(|ids| pool::ID.one_of(Values::Ids(ids)));
        let names = self.name.iter().filter_map(|name| name.any_.clone());
        let names = names.map(|names| pool::NAME.one_of(Values::Texts(names)));
        let kinds = self.kind.iter().filter_map(|kind| kind.any_.clone());
        let kinds = kinds.map(|kinds| pool::TYPE.one_of(Values::Texts(kinds)));
        self.operator.join(ids.chain(names).chain(kinds).collect())
    }
}

/// Selects work queues.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkQueueFilter {
    operator: Operator,
    id: Option<AnyId>,
    name: Option<QueueNames>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct QueueNames {
    any_: Option<Vec<String>>,
    /// In any case of ASCII letters.
    startswith_: Option<Vec<String>>,
}

impl QueueNames {
    fn condition(&self) -> Condition {
        let any = self.any_.iter().map(|names| queue::NAME.one_of(Values::Texts(names.clone())));
        let begins = |text: &String| Condition::Column(queue::NAME, Test::BeginsWithAnyCase(text.clone()));
        let begin = self.startswith_.iter().map(|texts| Condition::Any(texts.iter().map(begins).collect()));
        Condition::All(any.chain(begin).collect())
    }
}

impl WorkQueueFilter {
    pub(crate) fn condition(&self) -> Condition {
        let ids = self.id.iter().filter_map(|id| id.any_.clone()).map(|ids| queue::ID.one_of(Values::Ids(ids)));
        let names = self.name.iter().map(QueueNames::condition);
        self.operator.join(ids.chain(names).collect())
    }
}

/// Selects workers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkerFilter {
    operator: Operator,
    last_heartbeat_time: Option<Heartbeats>,
    status: Option<Statuses>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Heartbeats {
    before_: Option<Moment>,
    after_: Option<Moment>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Statuses {
    any_: Option<Vec<WorkerStatus>>,
    not_any_: Option<Vec<WorkerStatus>>,
}

impl Statuses {
    fn condition(&self) -> Condition {
        let texts = |all: &[WorkerStatus]| Values::Texts(all.iter().map(|one| one.as_str().to_owned()).collect());
        let any = self.any_.iter().map(|any| worker::STATUS.one_of(texts(any)));
        let none = self.not_any_.iter().map(|none| Condition::Column(worker::STATUS, Test::NoneOf(texts(none))));
        Condition::All(any.chain(none).collect())
    }
}

impl WorkerFilter {
    pub(crate) fn condition(&self) -> Condition {
        let heartbeats = self.last_heartbeat_time.iter().map(|times| {
            let micros = |moment: Moment| moment.0.timestamp_micros();
            let before = times.before_.map(|time| Test::AtMost(micros(time)));
            let after = times.after_.map(|time| Test::AtLeast(micros(time)));
            let tests = before.into_iter().chain(after);
            Condition::All(tests.map(|test| Condition::Column(worker::LAST_HEARTBEAT_TIME, test)).collect())
        });
        let status = self.status.iter().map(Statuses::condition);
        self.operator.join(heartbeats.chain(status).collect())
    }
}
