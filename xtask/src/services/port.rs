//! Ports for services.

use std::net::{Ipv4Addr, TcpListener};

/// Asks the system for a port that is free now.
pub(super) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("cannot find a free port: {error}"))
}
