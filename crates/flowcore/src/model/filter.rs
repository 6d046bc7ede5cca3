//! Filters: which rows a reader wants. An absent condition selects everything.

use uuid::Uuid;

use super::{FlowRunId, LogLevel, StateType, TaskRunId, Timestamp};

/// Which part of the selected rows to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most.
    pub limit: u32,
    /// How many rows to skip.
    pub offset: u32,
}

impl Page {
    /// Every row, up to more than a reader can want.
    pub const ALL: Page = Page { limit: i32::MAX as u32, offset: 0 };

    /// The first rows, at most this many.
    pub fn first(limit: u32) -> Self {
        Page { limit, offset: 0 }
    }
}

impl Default for Page {
    fn default() -> Self {
        Page::first(200)
    }
}

/// In which order of time rows are returned: what Prefect calls `ASC` and `DESC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What was first comes first.
    #[default]
    OldestFirst,
    /// What was last comes first.
    NewestFirst,
}

/// A range of identifiers, with both ends in it. Identifiers are ordered by their bytes, and so is what they were made at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first.
    pub from: Uuid,
    /// The last.
    pub to: Uuid,
}

impl IdRange {
    /// Every identifier.
    pub const ALL: IdRange = IdRange { from: Uuid::nil(), to: Uuid::max() };

    /// Makes the range of all identifiers that begin with these hexadecimal digits, wherever dashes are between them.
    /// `None` if a letter is neither, or if there is no digit, or more of them than an identifier has.
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        let digits: String = prefix.chars().filter(|letter| *letter != '-').collect();
        let missing = 32_usize.checked_sub(digits.len()).filter(|missing| *missing < 32)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let end = |digit: &str| Uuid::try_parse(&format!("{digits}{}", digit.repeat(missing))).ok();
        Some(IdRange { from: end("0")?, to: end("f")? })
    }

    /// Tells whether an identifier is in the range.
    pub fn contains(&self, id: Uuid) -> bool {
        (self.from..=self.to).contains(&id)
    }
}

/// Selects flows, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct FlowFilter {
    /// The name contains this.
    pub name_like: Option<String>,
    /// Rows to return.
    pub page: Page,
}

/// Selects flow runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct FlowRunFilter {
    /// One of these runs.
    pub ids: Option<Vec<FlowRunId>>,
    /// The id is in this range.
    pub id_range: Option<IdRange>,
    /// The flow has one of these names.
    pub flow_names: Option<Vec<String>>,
    /// The run has one of these names.
    pub names: Option<Vec<String>>,
    /// The run's name contains this.
    pub name_like: Option<String>,
    /// The state has one of these types.
    pub state_types: Option<Vec<StateType>>,
    /// The state has one of these names.
    pub state_names: Option<Vec<String>>,
    /// Expected to start at this time or later.
    pub since: Option<Timestamp>,
    /// Expected to start before this time.
    pub until: Option<Timestamp>,
    /// A subflow of one of these task runs.
    pub parent_task_run_ids: Option<Vec<TaskRunId>>,
    /// A subflow of one of these flow runs.
    pub parent_flow_run_ids: Option<Vec<FlowRunId>>,
    /// Rows to return.
    pub page: Page,
}

/// Selects task runs, in the order in which they were made, which is that of their ids.
#[derive(Clone, Debug, Default)]
pub struct TaskRunFilter {
    /// One of these runs.
    pub ids: Option<Vec<TaskRunId>>,
    /// The id is in this range.
    pub id_range: Option<IdRange>,
    /// In one of these flow runs.
    pub flow_run_ids: Option<Vec<FlowRunId>>,
    /// The run has one of these names.
    pub names: Option<Vec<String>>,
    /// The run's name contains this.
    pub name_like: Option<String>,
    /// The state has one of these types.
    pub state_types: Option<Vec<StateType>>,
    /// The state has one of these names.
    pub state_names: Option<Vec<String>>,
    /// Expected to start at this time or later.
    pub since: Option<Timestamp>,
    /// Expected to start before this time.
    pub until: Option<Timestamp>,
    /// Which come first.
    pub order: Order,
    /// Rows to return.
    pub page: Page,
}

/// Selects log lines, in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Logged in this flow run.
    pub flow_run_id: Option<FlowRunId>,
    /// Logged in this task run.
    pub task_run_id: Option<TaskRunId>,
    /// At least this grave.
    pub level: Option<LogLevel>,
    /// Which come first.
    pub order: Order,
    /// Rows to return.
    pub page: Page,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_prefix_is_a_range() {
        let range = IdRange::of_prefix("0193-aB").unwrap();
        assert_eq!(range.from.to_string(), "0193ab00-0000-0000-0000-000000000000");
        assert_eq!(range.to.to_string(), "0193abff-ffff-ffff-ffff-ffffffffffff");
        assert!(range.contains(range.from) && range.contains(range.to));
        assert!(!range.contains(Uuid::from_u128(range.to.as_u128() + 1)));
        let whole = IdRange::of_prefix("0193ab00-0000-7000-8000-000000000001").unwrap();
        assert_eq!(whole.from, whole.to);
    }

    #[test]
    fn what_begins_no_id_is_no_prefix() {
        for text in ["", "-", "otter", "0193g", "0193 ", "é193", &"0".repeat(33)] {
            assert_eq!(IdRange::of_prefix(text), None, "{text}");
        }
    }
}
