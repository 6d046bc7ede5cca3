//! What a check found.

use std::fmt;

/// One complaint about one place.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The file, from the root of the workspace, with the line where there is one; or the subject of the check.
    pub(super) place: String,
    pub(super) message: String,
}

/// Whether a finding fails the check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Severity {
    Warning,
    Error,
}

impl Finding {
    pub(super) fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    pub(super) fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}: {}: {}", self.place, self.message)
    }
}
