//! What an invariant is told.

use std::ops::Deref;

use crate::model::FlowRun;
use crate::testing::engine::TestEngine;

/// How things stand when the flow has ended: what an invariant looks at.
///
/// It is a [`TestEngine`] as well, that of a process which comes behind: with its methods the runs can be looked at, and
/// [`executions`](TestEngine::executions) counts those in all processes.
#[derive(Debug)]
pub struct Aftermath<W> {
    /// What the test has made for this run, outside of all processes.
    pub world: W,
    /// The flow run, which has ended.
    pub run: FlowRun,
    /// When processes were killed, in order; empty in the run without kills.
    pub kills: Vec<String>,
    pub(super) engine: TestEngine,
}

impl<W> Deref for Aftermath<W> {
    type Target = TestEngine;

    fn deref(&self) -> &TestEngine {
        &self.engine
    }
}
