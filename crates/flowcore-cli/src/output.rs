//! Where output goes, and how it looks there: tables and relative times for people, plain lines and JSON for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, Width, presets};
use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{LogLevel, State, StateType, Timestamp};
use serde::Serialize;

use crate::called::as_called;
use crate::failure::Failure;
use crate::text::one_line;
use crate::time::{relative, rfc3339};

/// How narrow a column of text may become: a table that cannot be narrower is wider than the terminal.
const NARROWEST: u16 = 12;

/// A column of a table, with its heading.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column<'a> {
    /// Identifiers, times, states: never shortened.
    Whole(&'a str),
    /// Names and messages: cut off where they do not fit into the terminal.
    Text(&'a str),
}

/// Standard output, and what is known about its reader.
pub(crate) struct Output {
    writer: Box<dyn Write>,
    /// A person is reading.
    terminal: bool,
    /// Questions may be asked, if there is a terminal to ask on.
    may_ask: bool,
    colour: bool,
    /// How many columns of letters fit on a line, where that matters.
    width: Option<u16>,
    now: Timestamp,
}

impl Output {
    /// Writes to standard output.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0).filter(|width| *width > 0);
        let now = SystemClock.now();
        Output { writer: Box::new(BufWriter::new(stdout)), terminal, may_ask: true, colour, width, now }
    }

    /// Says that no questions are to be asked.
    pub(crate) fn without_questions(self) -> Self {
        Output { may_ask: false, ..self }
    }

    /// Tells whether questions may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.may_ask
    }

    /// The time at which the command began.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Tells whether a person is reading.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.writer, "{line}")?)
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.writer.write_all(bytes)?)
    }

    /// Writes a value as JSON, indented, with a line's end.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut self.writer, value).map_err(|error| Failure::from(io::Error::from(error)))?;
        self.line("")
    }

    /// Writes a value as JSON on a line of its own.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.writer, value).map_err(|error| Failure::from(io::Error::from(error)))?;
        self.line("")
    }

    /// Writes rows under headings, in columns; nothing at all if there are no rows. Each row is a line, which on a
    /// terminal is no longer than its width if that can be had by cutting off texts.
    pub(crate) fn table(&mut self, columns: &[Column<'_>], rows: &[Vec<String>]) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        let headings = columns.iter().map(|column| match column {
            Column::Whole(heading) | Column::Text(heading) => *heading,
        });
        table.load_style(presets::NOTHING).set_header(headings);
        table.add_rows(rows.iter().map(|cells| {
            let mut row = Row::from(cells.iter().map(|cell| one_line(cell)));
            row.max_height(1);
            row
        }));
        if let Some(width) = self.width {
            // Spaces behind the last column are not printed.
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.saturating_add(2));
        }
        let widths = table.column_max_content_widths();
        for ((shown, column), content) in table.column_iter_mut().zip(columns).zip(widths) {
            shown.set_padding((0, 2));
            shown.set_constraint(match column {
                Column::Whole(_) => ColumnConstraint::ContentWidth,
                // The padding counts.
                Column::Text(_) => ColumnConstraint::LowerBoundary(Width::Fixed(content.min(NARROWEST) + 2)),
            });
        }
        self.line(table.trim_fmt())
    }

    /// Writes names and values, the values below each other.
    pub(crate) fn fields(&mut self, fields: &[(&str, String)]) -> Result<(), Failure> {
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in fields {
            self.line(format!("{name:width$}  {value}").trim_end())?;
        }
        Ok(())
    }

    /// Writes a heading of a part, behind an empty line.
    pub(crate) fn heading(&mut self, heading: &str) -> Result<(), Failure> {
        let heading = self.styled("1", heading);
        self.line(format!("\n{heading}"))
    }

    /// Commits what was written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }

    /// Writes a time: relative for people, exact for programs.
    pub(crate) fn time(&self, time: Timestamp) -> String {
        if self.terminal { relative(self.now, time) } else { rfc3339(time) }
    }

    /// Writes a time if there is one.
    pub(crate) fn time_or_dash(&self, time: Option<Timestamp>) -> String {
        time.map_or_else(|| "-".to_owned(), |time| self.time(time))
    }

    /// Writes a state's name in the colour of its type.
    pub(crate) fn state(&self, state: &State) -> String {
        let colour = match state.kind {
            StateType::Completed => "32",
            StateType::Failed | StateType::Crashed => "31",
            StateType::Running => "34",
            StateType::Cancelled | StateType::Cancelling | StateType::Paused => "33",
            StateType::Scheduled | StateType::Pending => "36",
        };
        self.styled(colour, &one_line(&state.name))
    }

    /// Writes a level in its colour, as wide as the widest.
    pub(crate) fn level(&self, level: LogLevel) -> String {
        let padded = format!("{:7}", level.as_str());
        match level.number() {
            40.. => self.styled("31", &padded),
            30..40 => self.styled("33", &padded),
            20..30 => padded,
            ..20 => self.styled("2", &padded),
        }
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Tells the user something beside the output. Commands that it names are called as this program was.
pub(crate) fn note(message: &str) {
    // Standard error may be closed; there is nobody left to tell then.
    let _ = writeln!(io::stderr(), "{}", as_called(message));
}

/// Tells the user why the command failed.
pub(crate) fn complain(message: &str) {
    note(&format!("error: {message}"));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(terminal: bool, write: impl FnOnce(&mut Output)) -> String {
        written_on(terminal, None, write)
    }

    fn written_on(terminal: bool, width: Option<u16>, write: impl FnOnce(&mut Output)) -> String {
        let shared = Shared::default();
        let now = Timestamp::UNIX_EPOCH;
        write(&mut Output { writer: Box::new(shared.clone()), terminal, may_ask: false, colour: terminal, width, now });
        let bytes = shared.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn tables_line_up_and_hold_a_row_a_line() {
        let rows = [vec!["1".to_owned(), "two\nlines".to_owned()], vec!["Грета".to_owned(), "x".to_owned()]];
        let table = written(false, |out| out.table(&[Column::Whole("ID"), Column::Text("NAME")], &rows).unwrap());
        assert_eq!(table, "ID     NAME\n1      two lines\nГрета  x\n");
        assert_eq!(written(false, |out| out.table(&[Column::Whole("ID")], &[]).unwrap()), "");
    }

    #[test]
    fn tables_are_as_wide_as_the_terminal() {
        let id = "01960001-0000-7000-8000-000000000001".to_owned();
        let long = "the server said that it would not answer before the end of the day";
        let rows =
            [vec![id.clone(), long.to_owned(), "Failed".to_owned()], vec![id, "ok".to_owned(), "Running".to_owned()]];
        let columns = [Column::Whole("ID"), Column::Text("MESSAGE"), Column::Whole("STATE")];
        let table = |width| written_on(true, width, |out| out.table(&columns, &rows).unwrap());
        let lines = |width| table(Some(width)).lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            lines(72),
            [
                "ID                                    MESSAGE                    STATE",
                "01960001-0000-7000-8000-000000000001  the server said that it…   Failed",
                "01960001-0000-7000-8000-000000000001  ok                         Running",
            ]
        );
        for width in 60..110 {
            let longest = lines(width).iter().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= usize::from(width), "{longest} in {width}");
        }
        // Where it does not fit the terminal breaks lines, and no id is cut off.
        assert!(lines(20)[1].starts_with("01960001-0000-7000-8000-000000000001  "), "{:?}", lines(20));
        assert!(table(Some(200)).contains(long) && table(None).contains(long));
    }

    #[test]
    fn people_see_colours_and_relative_times_and_programs_do_not() {
        let time = Timestamp::UNIX_EPOCH - chrono::TimeDelta::minutes(2);
        let line = |terminal| {
            written(terminal, |out| {
                let line = format!("{} {}", out.level(LogLevel::Error), out.time(time));
                out.line(line).unwrap();
            })
        };
        assert_eq!(line(true), "\u{1b}[31mERROR  \u{1b}[0m 2 minutes ago\n");
        assert_eq!(line(false), "ERROR   1969-12-31T23:58:00.000Z\n");
    }

    #[test]
    fn fields_line_up() {
        let fields = [("A", "1".to_owned()), ("Longer", "2".to_owned()), ("None", String::new())];
        assert_eq!(written(false, |out| out.fields(&fields).unwrap()), "A       1\nLonger  2\nNone\n");
    }
}
