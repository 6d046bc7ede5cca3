//! Conditions on rows, as data.

use uuid::Uuid;

use super::columns::{Column, Relation, Table};
use crate::model::{Order, Page};
use crate::store::records::Value;

/// What must hold for a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these; everything if there are none.
    All(Vec<Condition>),
    /// At least one of these; nothing if there are none.
    Any(Vec<Condition>),
    /// Not this. A comparison with an absent value holds neither way, as in SQL.
    Not(Box<Condition>),
    /// A column's value passes a test.
    Column(Column, Test),
    /// There is a related row for which this holds.
    Related(Relation, Box<Condition>),
    /// It is the newest of the rows that have its value in a column; one without a value is none. Other conditions do not
    /// change which one it is.
    Newest {
        /// The table of the row.
        table: Table,
        /// The column whose value they share.
        key: Column,
        /// The column with the time; of those of one time the one of the greatest id is the newest.
        time: Column,
    },
}

impl Condition {
    /// The condition that every row meets.
    pub const ALWAYS: Condition = Condition::All(Vec::new());

    /// Joins both.
    #[must_use]
    pub fn and(self, other: Condition) -> Condition {
        match (self, other) {
            (Condition::All(mut all), Condition::All(more)) => {
                all.extend(more);
                Condition::All(all)
            }
            (Condition::All(mut all), one) => {
                all.push(one);
                Condition::All(all)
            }
            (one, other) => Condition::All(vec![one]).and(other),
        }
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this.
    Is(Value),
    /// It is one of these.
    OneOf(Values),
    /// It is none of these. An absent value does not pass.
    NoneOf(Values),
    /// It is absent, or it is not.
    IsNull(bool),
    /// A text that contains this, in any case of ASCII letters.
    Contains(String),
    /// A text that begins with this.
    BeginsWith(String),
    /// A text that begins with this, in any case of ASCII letters.
    BeginsWithAnyCase(String),
    /// A number or time of at least this.
    AtLeast(i64),
    /// A number or time of at most this.
    AtMost(i64),
    /// Tags that have all of these among them.
    HasAll(Vec<String>),
    /// Tags that have one of these among them.
    HasAny(Vec<String>),
    /// Tags of which there are none, or are some.
    IsEmpty(bool),
}

/// Values of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Identifiers.
    Ids(Vec<Uuid>),
    /// Texts.
    Texts(Vec<String>),
    /// Whole numbers.
    Numbers(Vec<i64>),
}

/// Which rows of a table, in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// What must hold for them.
    pub condition: Condition,
    /// By which columns they are sorted; the first one counts most. Rows without a value come last.
    pub sort: Vec<(Column, Order)>,
    /// Which of them.
    pub page: Page,
}
