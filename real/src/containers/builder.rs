//! How a server is configured before it starts.

use super::base::StartError;
use super::server::Server;

/// Settings of a [`Server`] to be started.
///
/// `fsync` is on and 64 transactions can be prepared unless told otherwise.
#[derive(Debug, Clone)]
pub struct Builder {
    settings: Vec<(String, String)>,
}

impl Server {
    /// Starts a server with the default settings and waits until it accepts SQL.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Settings for a server to be started.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self { settings: Vec::new() }.setting("fsync", "on").max_prepared_transactions(64)
    }
}

impl Builder {
    /// How many transactions can be prepared at one time. 0, Postgres's own default,
    /// disables `PREPARE TRANSACTION`.
    #[must_use]
    pub fn max_prepared_transactions(self, count: u32) -> Self {
        self.setting("max_prepared_transactions", &count.to_string())
    }

    /// Any setting of `postgresql.conf`; the last value given for a name counts.
    ///
    /// Where the server listens is not for the caller to set.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a setting to the server's own files, where `ALTER SYSTEM` can change it for the next
    /// start. What was set of it here is forgotten.
    #[must_use]
    pub fn left_to_the_file(mut self, name: &str) -> Self {
        self.settings.retain(|(set, _)| set != name);
        self
    }

    /// Starts the server and waits until it accepts SQL.
    pub async fn start(self) -> Result<Server, StartError> {
        Server::launch(self.arguments()).await
    }

    fn arguments(self) -> Vec<String> {
        let argument = |(name, value)| ["-c".to_owned(), format!("{name}={value}")];
        self.settings.into_iter().flat_map(argument).collect()
    }
}
