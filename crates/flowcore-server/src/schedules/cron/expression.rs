//! A whole expression.

use super::field::{Field, PARTS, Part};

/// A cron expression: five fields, then seconds, then years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day: Field,
    pub(super) month: Field,
    pub(super) weekday: Field,
    pub(super) second: Option<Field>,
    pub(super) year: Field,
    /// Whether a day has to fit by one of its two fields only, if both say something.
    pub(super) day_or: bool,
}

/// Why a text is no expression.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CronError {
    /// It cannot be read.
    #[error("Invalid cron string: \"{0}\"")]
    Invalid(String),
    /// Parts of it are to be drawn by lot.
    #[error("Random and Hashed expressions are unsupported, received: \"{0}\"")]
    Random(String),
}

impl Expression {
    /// Reads an expression of five, six or seven fields, or a name such as `@daily`.
    ///
    /// # Errors
    ///
    /// It is none, or has parts that are drawn by lot (`R`, `H`).
    pub(crate) fn parse(text: &str, day_or: bool) -> Result<Self, CronError> {
        let lower = text.to_lowercase();
        let spelled = match &*lower {
            "@midnight" | "@daily" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let texts: Vec<&str> = spelled.split_whitespace().collect();
        if texts.iter().any(|field| field.starts_with('r')) {
            return Err(CronError::Random(text.to_owned()));
        }
        Self::read(&texts, day_or).ok_or_else(|| CronError::Invalid(text.to_owned()))
    }

    fn read(texts: &[&str], day_or: bool) -> Option<Self> {
        let [_, _, day, _, weekday, ..] = texts else { return None };
        let mut fields = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let part = *PARTS.get(index)?;
            let other_starred = match part {
                Part::Day => weekday.contains('*'),
                Part::Weekday => day.contains('*'),
                _ => true,
            };
            fields.push(Field::parse(part, text, texts.len(), other_starred)?);
        }
        let mut fields = fields.into_iter();
        Some(Expression {
            minute: fields.next()?,
            hour: fields.next()?,
            day: fields.next()?,
            month: fields.next()?,
            weekday: fields.next()?,
            second: fields.next(),
            year: fields.next().unwrap_or_else(Field::anything),
            day_or,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &str) -> bool {
        Expression::parse(text, true).is_ok()
    }

    #[test]
    fn expressions_are_read() {
        for text in [
            "* * * * *",
            "*/5 * * * *",
            "0 9-17 * * mon-fri",
            "0 0 L * *",
            "0 0 * * L5",
            "0 0 * * fri#2",
            "@daily",
            "@Midnight",
            "0 22-2 * * *",
            "0 0 * nov-feb *",
            "5/10 * * * *",
            "0 0 ? * 1",
            "0 0 * * 7",
            "* * * * * */15",
            "0 0 1 1 * 0 2030",
            "0 0 1-L * *",
            "1-1 * * * *",
        ] {
            assert!(valid(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 32 * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "x * * * *",
            "*/0 * * * *",
            "1- * * * *",
            "-1 * * * *",
            "? * * * *",
            "* * * * fri#6",
            "* * * * 1,2#3",
            "0 0 * * * * * *",
            "@reboot",
            "0 0 15W * *",
            "* * * * * 60",
            "* * * * * 0 1969",
        ] {
            assert_eq!(Expression::parse(text, true), Err(CronError::Invalid(text.to_owned())), "{text}");
        }
        assert_eq!(Expression::parse("R * * * *", true), Err(CronError::Random("R * * * *".to_owned())));
    }
}
