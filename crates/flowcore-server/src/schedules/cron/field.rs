//! One field of an expression, and what its text means.

use std::collections::BTreeSet;

/// Which part of a time a field is about, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Second,
    Year,
}

/// All parts, in the order of the text.
pub(super) const PARTS: [Part; 7] =
    [Part::Minute, Part::Hour, Part::Day, Part::Month, Part::Weekday, Part::Second, Part::Year];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Part {
    fn least(self) -> u32 {
        match self {
            Part::Minute | Part::Hour | Part::Weekday | Part::Second => 0,
            Part::Day | Part::Month => 1,
            Part::Year => 1970,
        }
    }

    fn greatest(self) -> u32 {
        match self {
            Part::Minute | Part::Second => 59,
            Part::Hour => 23,
            Part::Day => 31,
            Part::Month => 12,
            Part::Weekday => 6,
            Part::Year => 2099,
        }
    }

    fn all(self) -> usize {
        (self.greatest() - self.least() + 1) as usize
    }

    fn named(self, name: &str) -> Option<u32> {
        let place =
            |names: &[&str]| names.iter().position(|known| *known == name).and_then(|at| u32::try_from(at).ok());
        match self {
            Part::Month => place(&MONTHS).map(|at| at + 1),
            Part::Weekday => place(&WEEKDAYS),
            _ => None,
        }
    }

    /// Reads numbers that stand for others: Sunday is also 7, and with seconds the day 0 is 1.
    fn alias(self, value: u32, fields: usize) -> u32 {
        match (self, value, fields) {
            (Part::Weekday, 7, 5) => 0,
            (Part::Day, 0, 6) => 1,
            _ => value,
        }
    }

    fn number(self, text: &str) -> Option<u32> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok() } else { self.named(text) }
    }
}

/// Which of the days of a month that are one weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nth {
    /// The first is 1.
    Number(usize),
    Last,
}

/// What a field allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    /// Anything.
    pub(super) any: bool,
    /// The last day of the month.
    pub(super) last: bool,
    /// These, in order.
    pub(super) values: Vec<u32>,
    /// Weekdays by their place in the month.
    pub(super) nth: BTreeSet<(u32, Nth)>,
}

impl Field {
    /// The field that allows anything.
    pub(super) fn anything() -> Self {
        Field { any: true, ..Field::default() }
    }

    /// Reads the text of a field, in small letters. `fields` is how many the expression has.
    ///
    /// A field that lists all values is as free as one with a star. One of days is it only if `other_starred`, when the field of
    /// the other kind of days has a star: else that one would alone decide.
    pub(super) fn parse(part: Part, text: &str, fields: usize, other_starred: bool) -> Option<Self> {
        let text = match text {
            "?" if matches!(part, Part::Day | Part::Weekday) => "*",
            _ if text.contains('?') => return None,
            _ => text,
        };
        let mut field = Field::default();
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            let (item, nth) = if part == Part::Weekday { split_nth(item)? } else { (item, None) };
            match Item::parse(part, item, fields)? {
                Item::Any => field.any = true,
                Item::Last => field.last = true,
                Item::Values(numbers) => {
                    if let Some(nth) = nth {
                        field.nth.extend(numbers.iter().map(|number| (*number, nth)));
                    }
                    values.extend(numbers);
                }
            }
        }
        let listed = values.len() + usize::from(field.any) + usize::from(field.last);
        field.any |= listed == part.all() && other_starred;
        field.values = values.into_iter().collect();
        let literal = field.values.iter().any(|value| field.nth.iter().all(|(weekday, _)| weekday != value));
        if !field.nth.is_empty() && literal && field.values.len() != part.all() {
            return None;
        }
        Some(field)
    }

    /// Tells how far it is from a value to the next that is allowed. Behind the last of them the first is `round` further; without
    /// `round` there is none.
    pub(super) fn distance(&self, from: u32, round: Option<u32>) -> Option<u32> {
        let last = round.filter(|_| self.last);
        let ahead = self.values.iter().copied().chain(last).find(|value| *value >= from);
        match (ahead, round) {
            (Some(value), _) => Some(value - from),
            (None, Some(round)) => Some((self.values.first().copied().or(last)? + round).saturating_sub(from)),
            (None, None) => None,
        }
    }
}

/// One of the items between the commas.
enum Item {
    Any,
    Last,
    Values(Vec<u32>),
}

impl Item {
    fn parse(part: Part, text: &str, fields: usize) -> Option<Self> {
        if let Some((low, high, step)) = range(part, text) {
            return span(part, low, high, step, fields).map(Item::Values);
        }
        match text {
            "*" => Some(Item::Any),
            "l" if part == Part::Day => Some(Item::Last),
            _ => {
                let value = part.alias(part.number(text)?, fields);
                (part.least()..=part.greatest()).contains(&value).then(|| Item::Values(vec![value]))
            }
        }
    }
}

/// Takes `fri#2` and `l5` apart into the weekdays and their place in the month.
fn split_nth(item: &str) -> Option<(&str, Option<Nth>)> {
    if let Some((weekdays, place)) = item.split_once('#') {
        let place = place.parse().ok().filter(|place| (1..=5).contains(place))?;
        // Ranges in front of a place are of names only.
        let named = weekdays.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        let one = weekdays.bytes().all(|byte| byte.is_ascii_digit());
        return (named || one).then_some((weekdays, Some(Nth::Number(place))));
    }
    match item.strip_prefix('l') {
        Some(weekday) if weekday.bytes().all(|byte| byte.is_ascii_digit()) && !weekday.is_empty() => {
            Some((weekday, Some(Nth::Last)))
        }
        _ => Some((item, None)),
    }
}

/// Reads `low-high/step`, `*/step` or `low/step` as texts.
fn range(part: Part, text: &str) -> Option<(String, String, &str)> {
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(step)),
        None => (text, None),
    };
    match (span.split_once('-'), step) {
        (Some((low, high)), step) => Some((low.to_owned(), high.to_owned(), step.unwrap_or("1"))),
        (None, Some(step)) => {
            let low = if span == "*" { part.least().to_string() } else { span.to_owned() };
            Some((low, part.greatest().to_string(), step))
        }
        (None, None) => None,
    }
}

/// Lists the values of a range. One that ends before it begins goes on from the start; one that ends where it begins is all.
fn span(part: Part, low: String, high: String, step: &str, fields: usize) -> Option<Vec<u32>> {
    let high = if part == Part::Day && high == "l" { "31".to_owned() } else { high };
    let (low, high) = (part.alias(part.number(&low)?, fields), part.alias(part.number(&high)?, fields));
    let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let step: usize = if digits { step.parse().ok().filter(|step| *step > 0)? } else { return None };
    let (least, greatest) = (part.least(), part.greatest());
    if low.max(high) > greatest || low.min(high) < least {
        return None;
    }
    if low == high {
        return Some((least..=greatest).step_by(step).collect());
    }
    if low < high {
        return Some((low..=high).step_by(step).collect());
    }
    let mut values: Vec<u32> = (low..=greatest).step_by(step).collect();
    // The steps go on over the end, if the next one is beyond it.
    let reached = values.last().copied().unwrap_or(low);
    let left = (greatest - reached) as usize;
    let beyond = (reached - least) as usize + step > part.all();
    let skip = if beyond && left < step { step - left } else { 0 };
    let first = least.checked_add(u32::try_from(skip).ok()?)?;
    values.extend((first..=high).step_by(step));
    Some(values)
}
