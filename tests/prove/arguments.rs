//! What proofs are told: pairs of a name and a number.

use std::str::FromStr;

use flowcore::{Error, Result};

/// A number that can be set.
pub(crate) trait Number {
    fn set(&mut self, text: &str) -> Result<()>;
}

impl<N: FromStr> Number for N
where
    Error: From<N::Err>,
{
    fn set(&mut self, text: &str) -> Result<()> {
        *self = text.parse()?;
        Ok(())
    }
}

/// Sets the numbers that are named; the others stay as they are.
pub(crate) fn read(arguments: &[String], numbers: &mut [(&str, &mut dyn Number)]) -> Result<()> {
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(Error::msg(format!("{} needs a number", pair[0]))) };
        let known: Vec<&str> = numbers.iter().map(|(known, _)| *known).collect();
        let unknown = || Error::msg(format!("`{name}` is none of {}", known.join(", ")));
        let (_, number) = numbers.iter_mut().find(|(known, _)| known == name).ok_or_else(unknown)?;
        number.set(value)?;
    }
    Ok(())
}
