//! How a command fails: a sentence for the user and an exit code.

use std::io;

use flowcore::client::ClientError;
use flowcore::connect::ConnectError;
use flowcore::results::ResultError;
use flowcore::settings::SettingsError;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something was not found or did not work.
    Failed(String),
    /// The command line asks for something that cannot be.
    Usage(String),
    /// Whoever reads the output has seen enough.
    PipeClosed,
}

impl Failure {
    /// Makes a failure from a sentence that says what to do.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure::Failed(message.into())
    }

    /// The sentence for the user, if there is anything to say.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Failure::Failed(message) | Failure::Usage(message) => Some(message),
            Failure::PipeClosed => None,
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::PipeClosed => 0,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<ResultError> for Failure {
    fn from(error: ResultError) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::PipeClosed,
            _ => Failure::new(format!("the output cannot be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure_to_speak_of() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.message(), failure.code()), (None, 0));
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.code(), 1);
        assert!(failure.message().is_some_and(|message| message.starts_with("the output cannot be written")));
    }
}
