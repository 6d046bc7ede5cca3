//! States on the command line: names such as `Failed` and `AwaitingRetry`, and types such as `FAILED`.

use std::convert::Infallible;
use std::str::FromStr;

use flowcore::model::{StateName, StateType};

/// The names that flowcore gives beside those of the types.
const NAMES: [&str; 10] = [
    StateName::LATE,
    StateName::AWAITING_RETRY,
    StateName::RETRYING,
    StateName::AWAITING_CONCURRENCY_SLOT,
    StateName::SUSPENDED,
    StateName::RESUMING,
    StateName::CACHED,
    StateName::TIMED_OUT,
    StateName::ROLLED_BACK,
    StateName::NOT_READY,
];

/// A state that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateArgument {
    /// Every state of a type, written in capitals: FAILED has Failed and TimedOut in it.
    Type(StateType),
    /// A state of this name; those that flowcore gives may be written in any case.
    Name(String),
}

impl FromStr for StateArgument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(kind) = StateType::ALL.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(StateArgument::Type(kind));
        }
        let known = known_names().find(|name| name.eq_ignore_ascii_case(text));
        Ok(StateArgument::Name(known.unwrap_or(text).to_owned()))
    }
}

fn known_names() -> impl Iterator<Item = &'static str> {
    StateType::ALL.into_iter().map(StateType::default_name).chain(NAMES)
}

/// The states that are asked for, as filters take them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) types: Option<Vec<StateType>>,
    pub(crate) names: Option<Vec<String>>,
}

impl States {
    /// Sorts types from names.
    pub(crate) fn new(arguments: &[StateArgument]) -> Self {
        let (mut types, mut names) = (Vec::new(), Vec::new());
        for argument in arguments {
            match argument {
                StateArgument::Type(kind) => types.push(*kind),
                StateArgument::Name(name) => names.push(name.clone()),
            }
        }
        States { types: (!types.is_empty()).then_some(types), names: (!names.is_empty()).then_some(names) }
    }

    /// Splits states into alternatives that a filter can express: it wants type and name together, while a user who
    /// gives both wants either.
    pub(crate) fn alternatives(self) -> (States, Option<States>) {
        match self {
            States { types: Some(types), names: Some(names) } => {
                (States { types: Some(types), names: None }, Some(States { types: None, names: Some(names) }))
            }
            either => (either, None),
        }
    }
}

/// Says when nothing was found that a name is not one that flowcore gives.
pub(crate) fn hint(arguments: &[StateArgument]) -> Option<String> {
    let unknown = arguments.iter().find_map(|argument| match argument {
        StateArgument::Name(name) if !known_names().any(|known| known == name) => Some(name),
        _ => None,
    })?;
    let names: Vec<_> = known_names().collect();
    Some(format!("`{unknown}` is not a state that flowcore gives; those are {}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(text: &str) -> StateArgument {
        text.parse().unwrap()
    }

    #[test]
    fn capitals_are_types_and_all_else_is_a_name() {
        assert_eq!(parse("FAILED"), StateArgument::Type(StateType::Failed));
        for (text, name) in [("Failed", "Failed"), ("failed", "Failed"), ("TIMEDOUT", "TimedOut"), ("Own", "Own")] {
            assert_eq!(parse(text), StateArgument::Name(name.to_owned()));
        }
    }

    #[test]
    fn types_and_names_are_alternatives() {
        let (types, names) = States::new(&[parse("FAILED"), parse("Late")]).alternatives();
        assert_eq!(types, States { types: Some(vec![StateType::Failed]), names: None });
        assert_eq!(names, Some(States { types: None, names: Some(vec!["Late".to_owned()]) }));
        let (all, none) = States::new(&[]).alternatives();
        assert_eq!((all, none), (States { types: None, names: None }, None));
    }

    #[test]
    fn an_unknown_name_is_pointed_out() {
        assert_eq!(hint(&[parse("late"), parse("FAILED")]), None);
        assert!(hint(&[parse("Lazy")]).unwrap().starts_with("`Lazy` is not a state that flowcore gives"));
    }
}
