//! Kinds of workers.

use std::fmt;

/// What executes the runs of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Processes on the worker's machine.
    #[default]
    Process,
    /// Containers of a Docker engine.
    #[cfg(feature = "docker")]
    Docker,
}

impl Kind {
    /// All that there are here.
    const ALL: &[Kind] = &[
        Kind::Process,
        #[cfg(feature = "docker")]
        Kind::Docker,
    ];

    /// Gives its name, which is also the type of pools for such workers.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Process => "process",
            #[cfg(feature = "docker")]
            Kind::Docker => "docker",
        }
    }

    /// Tells which workers a type of pools is for. Agents of old have pools of their own type, whose runs are processes as well.
    pub(crate) fn of_pool(kind: &str) -> Option<Kind> {
        let known = Kind::ALL.iter().find(|known| known.name() == kind).copied();
        known.or((kind == "prefect-agent").then_some(Kind::Process))
    }

    /// Lists all names.
    pub(crate) fn names() -> String {
        Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
