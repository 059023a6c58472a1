//! What is asked of a machine, a container or this one, that is to run a server.

/// What it takes to start one server, at a port that may turn out to be taken.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) arguments: Vec<String>,
    pub(super) password: String,
    pub(super) port: u16,
}
