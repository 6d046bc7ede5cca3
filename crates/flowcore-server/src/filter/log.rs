//! Log lines.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Operator, OptionalIds, Times};

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

/// A search in the messages: `error "timed out" +retry -debug` is one of the first two, with the third, without the last.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TextSearch {
    query: String,
}

impl TextSearch {
    fn condition(&self) -> Condition {
        let (mut any, mut all) = (Vec::new(), Vec::new());
        let mut rest = self.query.trim_start();
        while let Some(first) = rest.chars().next() {
            let sign = matches!(first, '+' | '-' | '!').then_some(first);
            rest = &rest[sign.map_or(0, char::len_utf8)..];
            // A quotation without an end goes to the end of the text.
            let (word, behind) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            rest = behind.trim_start();
            if word.is_empty() {
                continue;
            }
            let contains = Condition::Column(log::MESSAGE, Test::Contains(word.to_owned()));
            match sign {
                None => any.push(contains),
                Some('+') => all.push(contains),
                Some(_) => all.push(Condition::Not(Box::new(contains))),
            }
        }
        if !any.is_empty() {
            all.push(Condition::Any(any));
        }
        Condition::All(all)
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
