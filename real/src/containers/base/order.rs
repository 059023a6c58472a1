//! What is asked of a machine, a container or this one, that is to run a server.

/// What it takes to start one server, at a port that may turn out to be taken.
#[derive(Debug, Clone)]
pub(in crate::containers) struct Order {
    pub(in crate::containers) arguments: Vec<String>,
    pub(in crate::containers) password: String,
    pub(in crate::containers) port: u16,
}
