//! Log lines.

use flowcore::model::{LogLine, Order};
use flowcore::store::query::{Column, Condition, Test, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::criteria::{Operator, OptionalIds, Times};
use super::holds::{Cell, holds};
use super::text::{TextSearch, Words};

/// Selects log lines.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogFilter {
    operator: Operator,
    level: Option<Levels>,
    timestamp: Option<Times>,
    flow_run_id: Option<OptionalIds>,
    task_run_id: Option<OptionalIds>,
    text: Option<TextSearch>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Levels {
    ge_: Option<i64>,
    le_: Option<i64>,
}

/// A word is looked for in what was logged and in the name of who logged it.
fn contains(word: String) -> Condition {
    let within = |column| Condition::Column(column, Test::Contains(word.clone()));
    Condition::Any(vec![within(log::MESSAGE), within(log::LOGGER)])
}

impl TextSearch {
    fn condition(&self) -> Condition {
        let Words { any, all, none } = self.words();
        let mut conditions: Vec<Condition> = all.into_iter().map(contains).collect();
        conditions.extend(none.into_iter().map(|word| Condition::Not(Box::new(contains(word)))));
        if !any.is_empty() {
            conditions.push(Condition::Any(any.into_iter().map(contains).collect()));
        }
        Condition::All(conditions)
    }
}

impl LogFilter {
    pub(crate) fn condition(&self) -> Condition {
        let levels = self.level.as_ref().map(|levels| {
            let least = levels.ge_.map(Test::AtLeast);
            let most = levels.le_.map(Test::AtMost);
            Condition::All(least.into_iter().chain(most).map(|test| Condition::Column(log::LEVEL, test)).collect())
        });
        let criteria = [
            levels,
            self.timestamp.as_ref().map(|times| times.on(log::TIMESTAMP)),
            self.flow_run_id.as_ref().map(|ids| ids.on(log::FLOW_RUN_ID)),
            self.task_run_id.as_ref().map(|ids| ids.on(log::TASK_RUN_ID)),
            self.text.as_ref().map(TextSearch::condition),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

impl LogFilter {
    /// Tells whether a line is selected that was only just written.
    pub(crate) fn selects(&self, line: &LogLine) -> bool {
        let id = |id: Option<Uuid>| id.map_or(Cell::Absent, Cell::Id);
        let text = line.text();
        holds(&self.condition(), &|column| match column {
            log::LEVEL => Cell::Number(line.level.number().into()),
            log::TIMESTAMP => Cell::Number(line.timestamp.timestamp_micros()),
            log::FLOW_RUN_ID => id(line.flow_run_id.map(|id| id.0)),
            log::TASK_RUN_ID => id(line.task_run_id.map(|id| id.0)),
            log::MESSAGE => Cell::Text(&text),
            log::LOGGER => Cell::Text(&line.logger),
            _ => Cell::Absent,
        })
    }
}

/// Orders of log lines.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum LogSort {
    #[default]
    TimestampAsc,
    TimestampDesc,
}

impl LogSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            LogSort::TimestampAsc => (log::TIMESTAMP, Order::OldestFirst),
            LogSort::TimestampDesc => (log::TIMESTAMP, Order::NewestFirst),
        }]
    }
}
