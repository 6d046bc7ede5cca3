//! Statements of many rows: `.. VALUES (..), (..), ..`, in few sizes, so that each text is prepared once.

use std::sync::{Arc, OnceLock};

use super::dialect::Dialect;
use super::driver::Arguments;

/// How many rows one statement holds. A row of 24 columns costs some 6 us in a statement of 256, three times that alone;
/// more rows gain nothing. Powers of two, since each statement is a trip of its own: n rows take as many statements as
/// n has ones in binary. 256 of the widest rows stay below SQLite's 32,766 parameters and PostgreSQL's 65,535.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// The text around the rows of a statement.
pub(super) struct Template {
    head: &'static str,
    tail: &'static str,
    columns: usize,
    /// By dialect, then by size.
    texts: [[OnceLock<Arc<str>>; SIZES.len()]; 2],
}

/// One statement, whose arguments are written when its turn comes.
pub(super) struct Part<'a> {
    pub(super) text: Arc<str>,
    pub(super) arguments: usize,
    pub(super) encode: Box<dyn Fn(&mut Arguments) + Send + Sync + 'a>,
}

impl Template {
    /// Makes a template: `head`, the rows, `tail`.
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Template { head, tail, columns, texts: [const { [const { OnceLock::new() }; SIZES.len()] }; 2] }
    }

    /// Divides rows among as few statements as there are sizes for.
    pub(super) fn parts<'a, R: Sync>(
        &'static self,
        dialect: Dialect,
        rows: &'a [R],
        encode: fn(&R, &mut Arguments),
    ) -> Vec<Part<'a>> {
        let mut parts = Vec::with_capacity(rows.len() / SIZES[0] + SIZES.len());
        let mut rest = rows;
        for (number, size) in SIZES.into_iter().enumerate() {
            while rest.len() >= size {
                let (rows, behind) = rest.split_at(size);
                rest = behind;
                parts.push(Part {
                    text: self.text(dialect, number),
                    arguments: size * self.columns,
                    encode: Box::new(move |arguments| rows.iter().for_each(|row| encode(row, arguments))),
                });
            }
        }
        parts
    }

    fn text(&self, dialect: Dialect, number: usize) -> Arc<str> {
        self.texts[dialect.index()][number].get_or_init(|| self.write(dialect, SIZES[number])).clone()
    }

    fn write(&self, dialect: Dialect, rows: usize) -> Arc<str> {
        let mut text = String::with_capacity(self.head.len() + rows * self.columns * 6 + self.tail.len());
        text.push_str(self.head);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..self.columns {
                if column > 0 {
                    text.push(',');
                }
                dialect.placeholder(row * self.columns + column + 1, &mut text);
            }
            text.push(')');
        }
        text.push_str(self.tail);
        Arc::from(text)
    }
}
