//! What a service is.

/// A program that some tests need.
pub(crate) trait Service: Sync {
    /// Names the service, for people.
    fn name(&self) -> &'static str;

    /// Names the environment variable that tells the tests where the service is.
    fn variable(&self) -> &'static str;

    /// Says what is not tested without it.
    fn serves(&self) -> &'static str;

    /// Makes sure that the program is on this machine, and installs it where that is possible. The error says what to
    /// do. Called in the foreground.
    fn provide(&self) -> Result<(), String>;

    /// Starts the service and waits until it answers. Called in the keeper.
    fn start(&self) -> Result<Box<dyn Running>, String>;
}

/// A service that runs, and that stops and leaves nothing behind when this is dropped.
pub(crate) trait Running {
    /// Says where the service is: the value of [`Service::variable`].
    fn address(&self) -> String;
}
