//! When a failed run is tried again.

use std::time::Duration;

/// The wait before each retry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryDelay(Vec<f64>);

impl RetryDelay {
    /// No exponential list grows beyond this many waits: the last is repeated from there.
    const MOST: usize = 32;

    /// Waits longer each time: `base`, twice `base`, four times `base`, but never longer than `cap`.
    pub fn exponential(base: impl Into<Seconds>, cap: impl Into<Seconds>) -> Self {
        let (base, cap) = (base.into().0, cap.into().0);
        let mut delays = Vec::new();
        let mut delay = base;
        while delays.len() < Self::MOST && delay < cap {
            delays.push(delay);
            delay *= 2.0;
        }
        delays.push(delay.min(cap));
        RetryDelay(delays)
    }

    /// Lists the waits in seconds; the last one is repeated.
    pub fn seconds(&self) -> &[f64] {
        &self.0
    }
}

impl<S: Into<Seconds>> From<S> for RetryDelay {
    fn from(delay: S) -> Self {
        RetryDelay(vec![delay.into().0])
    }
}

impl<S: Into<Seconds>> From<Vec<S>> for RetryDelay {
    fn from(delays: Vec<S>) -> Self {
        RetryDelay(delays.into_iter().map(|delay| delay.into().0).collect())
    }
}

impl<S: Into<Seconds>, const N: usize> From<[S; N]> for RetryDelay {
    fn from(delays: [S; N]) -> Self {
        RetryDelay(delays.into_iter().map(|delay| delay.into().0).collect())
    }
}

/// A span of time, given as a [`Duration`] or as a number of seconds. Negative and endless numbers count as none.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub(crate) f64);

impl Seconds {
    /// Converts into the standard type; what is longer than 1000 years counts as that.
    pub fn duration(self) -> Duration {
        const MILLENNIUM: f64 = 1000.0 * 366.0 * 86_400.0;
        Duration::from_secs_f64(if self.0.is_finite() { self.0.clamp(0.0, MILLENNIUM) } else { 0.0 })
    }
}

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Seconds(duration.as_secs_f64())
    }
}

impl From<f64> for Seconds {
    fn from(seconds: f64) -> Self {
        Seconds(seconds)
    }
}

impl From<i32> for Seconds {
    fn from(seconds: i32) -> Self {
        Seconds(f64::from(seconds))
    }
}

impl From<u32> for Seconds {
    fn from(seconds: u32) -> Self {
        Seconds(f64::from(seconds))
    }
}
