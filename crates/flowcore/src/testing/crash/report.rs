//! What a crash test has done.

/// What a crash test has done, for those who want to know that it did something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashReport {
    /// How many moments before and after writes the flow has without kills, in all its processes.
    pub moments: u64,
    /// How many times the flow was run from its beginning to its end, however often it was killed meanwhile.
    pub runs: u64,
    /// How many processes were killed.
    pub kills: u64,
}
