//! Statements of many rows: `.. VALUES (..), (..), ..`, in few sizes, so that each text is prepared once.

use std::sync::{Arc, OnceLock};

use super::dialect::Dialect;
use super::driver::Arguments;

/// How many rows one statement holds. A row of 24 columns costs some 6 us in a statement of 256, three times that alone;
/// more rows gain nothing. Each statement is a trip of its own to the connection's thread, which costs about as much as
/// three rows: so there is a size for every small number, and up to 256 three statements nearly always do. 256 of the
/// widest rows stay below SQLite's 32,766 parameters and PostgreSQL's 65,535.
const SIZES: [usize; 24] = [256, 128, 96, 64, 48, 32, 24, 20, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/// What stands around a statement in its text: in SQLite a transaction's begin and end travel with its statements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Around {
    /// `BEGIN` is before it.
    pub(super) begins: bool,
    /// `COMMIT` is behind it.
    pub(super) commits: bool,
}

/// The text around the rows of a statement.
pub(super) struct Template {
    head: &'static str,
    tail: &'static str,
    columns: usize,
    /// By dialect, then by what is around the statement, then by size.
    texts: [[[OnceLock<Arc<str>>; SIZES.len()]; 4]; 2],
}

/// One statement, whose arguments are written when its turn comes.
pub(super) struct Part<'a> {
    wording: Wording,
    pub(super) arguments: usize,
    pub(super) encode: Box<dyn Fn(&mut Arguments) + Send + Sync + 'a>,
}

/// Where a statement's text comes from.
enum Wording {
    /// A template in one of its sizes.
    Template(&'static Template, usize),
    /// One that is the same for any number of rows.
    Given(Arc<str>),
}

impl<'a> Part<'a> {
    /// Makes a statement of a text.
    pub(super) fn new(text: Arc<str>, arguments: usize, encode: impl Fn(&mut Arguments) + Send + Sync + 'a) -> Self {
        Part { wording: Wording::Given(text), arguments, encode: Box::new(encode) }
    }

    /// Gives the statement's text.
    pub(super) fn text(&self, dialect: Dialect, around: Around) -> Arc<str> {
        match &self.wording {
            Wording::Template(template, number) => {
                let text = &template.texts[dialect.index()][around.index()][*number];
                text.get_or_init(|| template.write(dialect, around, SIZES[*number])).clone()
            }
            Wording::Given(text) if around == Around::NOTHING => text.clone(),
            Wording::Given(given) => {
                let mut text = String::with_capacity(given.len() + 32);
                around.enclose(dialect, &mut text, |text| text.push_str(given));
                Arc::from(text)
            }
        }
    }
}

impl Around {
    /// Nothing.
    pub(super) const NOTHING: Around = Around { begins: false, commits: false };

    /// Writes a statement with what is around it.
    fn enclose(self, dialect: Dialect, text: &mut String, statement: impl FnOnce(&mut String)) {
        if self.begins {
            text.push_str(dialect.begin());
            text.push(';');
        }
        statement(text);
        if self.commits {
            text.push_str(";COMMIT");
        }
    }

    fn index(self) -> usize {
        usize::from(self.begins) * 2 + usize::from(self.commits)
    }
}

impl Template {
    /// Makes a template: `head`, the rows, `tail`.
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Template { head, tail, columns, texts: [const { [const { [const { OnceLock::new() }; SIZES.len()] }; 4] }; 2] }
    }

    /// Divides rows among as few statements as there are sizes for.
    pub(super) fn parts<'a, R: Sync>(&'static self, rows: &'a [R], encode: fn(&R, &mut Arguments)) -> Vec<Part<'a>> {
        let mut parts = Vec::with_capacity(rows.len() / SIZES[0] + SIZES.len());
        let mut rest = rows;
        for (number, size) in SIZES.into_iter().enumerate() {
            while rest.len() >= size {
                let (rows, behind) = rest.split_at(size);
                rest = behind;
                parts.push(Part {
                    wording: Wording::Template(self, number),
                    arguments: size * self.columns,
                    encode: Box::new(move |arguments| rows.iter().for_each(|row| encode(row, arguments))),
                });
            }
        }
        parts
    }

    /// Gives the texts of all sizes.
    #[cfg(test)]
    pub(super) fn in_all_sizes(&self, dialect: Dialect) -> impl Iterator<Item = Arc<str>> {
        SIZES.into_iter().map(move |rows| self.write(dialect, Around::NOTHING, rows))
    }

    fn write(&self, dialect: Dialect, around: Around, rows: usize) -> Arc<str> {
        let mut text = String::with_capacity(self.head.len() + rows * self.columns * 6 + self.tail.len() + 32);
        around.enclose(dialect, &mut text, |text| {
            text.push_str(self.head);
            for row in 0..rows {
                text.push_str(if row == 0 { "(" } else { ",(" });
                for column in 0..self.columns {
                    if column > 0 {
                        text.push(',');
                    }
                    dialect.placeholder(row * self.columns + column + 1, text);
                }
                text.push(')');
            }
            text.push_str(self.tail);
        });
        Arc::from(text)
    }
}
