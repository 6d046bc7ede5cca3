//! On which of several occasions something happens.

/// Which of the times that it could happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Occasion {
    Every,
    First(u32),
    Nth(u32),
}

impl Occasion {
    /// Tells whether it happens on the occasion of this number, counted from 1.
    pub(super) fn is(self, number: u32) -> bool {
        match self {
            Occasion::Every => true,
            Occasion::First(count) => number <= count,
            Occasion::Nth(nth) => number == nth,
        }
    }
}
