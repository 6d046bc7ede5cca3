//! Conditions on what is not in the database yet, or only just.

use flowcore::store::query::{Column, Condition, Test, Values};
use uuid::Uuid;

/// The value of a column.
pub(super) enum Cell<'a> {
    Absent,
    Id(Uuid),
    Text(&'a str),
    Number(i64),
}

/// Tells whether a condition holds, as the database would. It may ask of nothing but columns.
pub(super) fn holds<'a>(condition: &Condition, cell: &dyn Fn(Column) -> Cell<'a>) -> bool {
    truth(condition, cell).unwrap_or(false)
}

/// As in SQL, a comparison with an absent value is neither true nor false.
fn truth<'a>(condition: &Condition, cell: &dyn Fn(Column) -> Cell<'a>) -> Option<bool> {
    match condition {
        Condition::All(all) => {
            let truths: Vec<_> = all.iter().map(|one| truth(one, cell)).collect();
            if truths.contains(&Some(false)) { Some(false) } else { (!truths.contains(&None)).then_some(true) }
        }
        Condition::Any(any) => {
            let truths: Vec<_> = any.iter().map(|one| truth(one, cell)).collect();
            if truths.contains(&Some(true)) { Some(true) } else { (!truths.contains(&None)).then_some(false) }
        }
        Condition::Not(inner) => truth(inner, cell).map(|held| !held),
        Condition::Column(column, test) => passes(test, &cell(*column)),
        _ => None,
    }
}

fn passes(test: &Test, cell: &Cell<'_>) -> Option<bool> {
    match (test, cell) {
        (Test::IsNull(null), cell) => Some(matches!(cell, Cell::Absent) == *null),
        (Test::OneOf(values), cell) => among(values, cell),
        (Test::NoneOf(values), cell) => among(values, cell).map(|found| !found),
        (Test::Contains(part), Cell::Text(text)) => {
            Some(text.to_ascii_lowercase().contains(&part.to_ascii_lowercase()))
        }
        (Test::BeginsWith(part), Cell::Text(text)) => Some(text.starts_with(part)),
        (Test::AtLeast(least), Cell::Number(number)) => Some(number >= least),
        (Test::AtMost(most), Cell::Number(number)) => Some(number <= most),
        _ => None,
    }
}

fn among(values: &Values, cell: &Cell<'_>) -> Option<bool> {
    match (values, cell) {
        (Values::Ids(ids), Cell::Id(id)) => Some(ids.contains(id)),
        (Values::Texts(texts), Cell::Text(text)) => Some(texts.iter().any(|one| one == text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use flowcore::store::query::log;

    use super::*;

    #[test]
    fn conditions_hold_as_in_the_database() {
        let cell = |column: Column| match column {
            log::LEVEL => Cell::Number(30),
            log::MESSAGE => Cell::Text("Timed OUT"),
            log::FLOW_RUN_ID => Cell::Id(Uuid::nil()),
            _ => Cell::Absent,
        };
        let is = |column, test| Condition::Column(column, test);
        let not = |condition| Condition::Not(Box::new(condition));
        let level = |least| is(log::LEVEL, Test::AtLeast(least));
        let of_task = || is(log::TASK_RUN_ID, Test::OneOf(Values::Ids(vec![Uuid::nil()])));
        for (condition, expected) in [
            (Condition::ALWAYS, true),
            (Condition::Any(vec![]), false),
            (level(30), true),
            (not(level(30)), false),
            (Condition::All(vec![level(20), is(log::MESSAGE, Test::Contains("timed out".into()))]), true),
            (is(log::FLOW_RUN_ID, Test::OneOf(Values::Ids(vec![Uuid::nil()]))), true),
            (of_task(), false),
            (not(of_task()), false),
            (Condition::Any(vec![of_task(), level(10)]), true),
            (is(log::TASK_RUN_ID, Test::IsNull(true)), true),
        ] {
            assert_eq!(holds(&condition, &cell), expected, "{condition:?}");
        }
    }
}
