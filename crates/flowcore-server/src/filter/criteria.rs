//! What one criterion can ask of a column.

use flowcore::model::{StateType, Timestamp};
use flowcore::store::query::{Column, Condition, Test, Values};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How criteria are joined.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Operator {
    /// All must hold.
    #[default]
    #[serde(rename = "and_")]
    And,
    /// One must hold.
    #[serde(rename = "or_")]
    Or,
}

impl Operator {
    /// Joins criteria. None at all hold always, also by `or_`.
    pub(crate) fn join(self, conditions: Vec<Condition>) -> Condition {
        match self {
            Operator::Or if !conditions.is_empty() => Condition::Any(conditions),
            _ => Condition::All(conditions),
        }
    }
}

fn one_of(column: Column, values: Values) -> Condition {
    Condition::Column(column, Test::OneOf(values))
}

fn none_of(column: Column, values: Values) -> Condition {
    Condition::Column(column, Test::NoneOf(values))
}

fn is_null(column: Column, null: bool) -> Condition {
    Condition::Column(column, Test::IsNull(null))
}

/// Asks for identifiers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ids {
    any_: Option<Vec<Uuid>>,
    not_any_: Option<Vec<Uuid>>,
}

impl Ids {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let any = self.any_.iter().map(|ids| one_of(column, Values::Ids(ids.clone())));
        let none = self.not_any_.iter().map(|ids| none_of(column, Values::Ids(ids.clone())));
        Condition::All(any.chain(none).collect())
    }
}

/// Asks for identifiers that are always asked for in one way.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OneOfIds {
    any_: Option<Vec<Uuid>>,
}

impl OneOfIds {
    pub(crate) fn on(&self, column: Column) -> Condition {
        Condition::All(self.any_.iter().map(|ids| one_of(column, Values::Ids(ids.clone()))).collect())
    }
}

/// Asks for texts that are always asked for in one way.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OneOfTexts {
    any_: Option<Vec<String>>,
}

impl OneOfTexts {
    pub(crate) fn on(&self, column: Column) -> Condition {
        Condition::All(self.any_.iter().map(|texts| one_of(column, Values::Texts(texts.clone()))).collect())
    }
}

/// Asks for identifiers, or for their absence.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OptionalIds {
    operator: Operator,
    pub(crate) any_: Option<Vec<Uuid>>,
    is_null_: Option<bool>,
}

impl OptionalIds {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let any = self.any_.iter().map(|ids| one_of(column, Values::Ids(ids.clone())));
        let null = self.is_null_.iter().map(|null| is_null(column, *null));
        self.operator.join(any.chain(null).collect())
    }

    /// The same where a criterion that says nothing asks for a value to be there.
    pub(crate) fn on_present(&self, column: Column) -> Condition {
        match (self.is_null_, &self.any_) {
            (Some(true), _) => is_null(column, true),
            (_, Some(ids)) => one_of(column, Values::Ids(ids.clone())),
            (_, None) => is_null(column, false),
        }
    }
}

/// Asks for names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Names {
    any_: Option<Vec<String>>,
    like_: Option<String>,
}

impl Names {
    pub(crate) fn new(any_: Option<Vec<String>>, like_: Option<String>) -> Self {
        Names { any_, like_ }
    }

    pub(crate) fn on(&self, column: Column) -> Condition {
        let any = self.any_.iter().map(|names| one_of(column, Values::Texts(names.clone())));
        let like = self
            .like_
            .iter()
            .filter(|text| !text.is_empty())
            .map(|text| Condition::Column(column, Test::Contains(text.clone())));
        Condition::All(any.chain(like).collect())
    }
}

/// Asks for texts, or for other ones.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Texts {
    any_: Option<Vec<String>>,
    not_any_: Option<Vec<String>>,
}

impl Texts {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let any = self.any_.iter().map(|texts| one_of(column, Values::Texts(texts.clone())));
        let none = self.not_any_.iter().map(|texts| none_of(column, Values::Texts(texts.clone())));
        Condition::All(any.chain(none).collect())
    }
}

/// Asks for texts, or for their absence.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OptionalTexts {
    operator: Operator,
    any_: Option<Vec<String>>,
    is_null_: Option<bool>,
}

impl OptionalTexts {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let any = self.any_.iter().map(|texts| one_of(column, Values::Texts(texts.clone())));
        let null = self.is_null_.iter().map(|null| is_null(column, *null));
        self.operator.join(any.chain(null).collect())
    }
}

/// Asks for tags.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tags {
    operator: Operator,
    all_: Option<Vec<String>>,
    any_: Option<Vec<String>>,
    is_null_: Option<bool>,
}

impl Tags {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let all = self.all_.iter().map(|tags| Test::HasAll(tags.clone()));
        let any = self.any_.iter().map(|tags| Test::HasAny(tags.clone()));
        let empty = self.is_null_.iter().map(|empty| Test::IsEmpty(*empty));
        self.operator.join(all.chain(any).chain(empty).map(|test| Condition::Column(column, test)).collect())
    }
}

/// Asks for times, or for their absence.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Times {
    before_: Option<Moment>,
    after_: Option<Moment>,
    is_null_: Option<bool>,
}

impl Times {
    pub(crate) fn on(&self, column: Column) -> Condition {
        let micros = |moment: &Moment| moment.0.timestamp_micros();
        let before = self.before_.iter().map(|time| Test::AtMost(micros(time)));
        let after = self.after_.iter().map(|time| Test::AtLeast(micros(time)));
        let null = self.is_null_.iter().map(|null| Test::IsNull(*null));
        Condition::All(before.chain(after).chain(null).map(|test| Condition::Column(column, test)).collect())
    }
}

impl Times {
    /// Asks for when a run started, or was to start if it has not, which is the time `started`.
    pub(crate) fn on_start(&self, start: Column, started: Column) -> Condition {
        let bounds = Times { is_null_: None, ..self.clone() };
        let null = self.is_null_.iter().map(|null| is_null(start, *null));
        Condition::All(null.chain([bounds.on(started)]).collect())
    }

    /// Gives both bounds.
    pub(crate) fn bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.after_.map(|time| time.0), self.before_.map(|time| time.0))
    }
}

/// Asks for states.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct States {
    operator: Operator,
    #[serde(rename = "type")]
    kind: Option<StateTypes>,
    name: Option<Texts>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct StateTypes {
    any_: Option<Vec<StateType>>,
    not_any_: Option<Vec<StateType>>,
}

impl States {
    pub(crate) fn on(&self, kind: Column, name: Column) -> Condition {
        let texts = |types: &[StateType]| Values::Texts(types.iter().map(|kind| kind.as_str().to_owned()).collect());
        let types = self.kind.iter().map(|types| {
            let any = types.any_.iter().map(|types| one_of(kind, texts(types)));
            let none = types.not_any_.iter().map(|types| none_of(kind, texts(types)));
            Condition::All(any.chain(none).collect())
        });
        let names = self.name.iter().map(|names| names.on(name));
        self.operator.join(types.chain(names).collect())
    }
}
