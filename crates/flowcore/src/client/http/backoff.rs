//! How long to wait before something is tried again.

use std::time::Duration;

/// The first wait, before the draw.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait: what has waited for a server notices soon that it is back.
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that grow, each drawn from a half of its length up, so that those who wait for one server do not come back
/// together.
#[derive(Default)]
pub(super) struct Backoff {
    tried: u32,
}

impl Backoff {
    /// Gives the next wait.
    pub(super) fn next(&mut self) -> Duration {
        let length = FIRST.saturating_mul(1 << self.tried.min(10)).min(LONGEST);
        self.tried = self.tried.saturating_add(1);
        length.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Makes the waits short again.
    pub(super) fn reset(&mut self) {
        self.tried = 0;
    }

    /// Tells whether there was a wait since the last success.
    pub(super) fn has_waited(&self) -> bool {
        self.tried > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
        assert!(waits[39] >= LONGEST / 2 && waits[39] <= LONGEST);
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
