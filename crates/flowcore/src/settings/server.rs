//! Where the server listens, and what it brings along.

/// The address of the server, and what it brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// A host's name or its address. Set by `FLOWCORE_SERVER_HOST` or `PREFECT_SERVER_API_HOST`; `127.0.0.1` by default.
    pub host: String,
    /// The port; 0 is any that is free. Set by `FLOWCORE_SERVER_PORT` or `PREFECT_SERVER_API_PORT`; 4200 by default.
    pub port: u16,
    /// Whether it makes the block types of Prefect's clients when it starts. Set by
    /// `FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START`, `PREFECT_SERVER_BLOCKS_REGISTER_ON_START` or
    /// `PREFECT_API_BLOCKS_REGISTER_ON_START`; true by default.
    pub register_blocks: bool,
}
