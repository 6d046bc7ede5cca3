//! Where the server listens.

/// The address of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// A host's name or its address. Set by `FLOWCORE_SERVER_HOST` or `PREFECT_SERVER_API_HOST`; `127.0.0.1` by default.
    pub host: String,
    /// The port; 0 is any that is free. Set by `FLOWCORE_SERVER_PORT` or `PREFECT_SERVER_API_PORT`; 4200 by default.
    pub port: u16,
}
