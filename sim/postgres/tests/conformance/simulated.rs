//! The simulated server, over a disk and a clock in memory.

use std::time::Duration;

use anyhow::Result;
use indoubt_sim_postgres::{Options, Server, Shutdown};
use tokio::time::Instant;

use crate::arm::Arm;
use crate::client::Stream;
use crate::host::{Disk, Time};

/// The simulated server.
pub(crate) struct Simulated {
    server: Server,
    options: Options,
    disk: Disk,
    time: Time,
}

impl Simulated {
    /// A new cluster.
    pub(crate) async fn start(slots: usize) -> Result<Self> {
        let options = Options { max_prepared_transactions: slots, ..Options::default() };
        let (disk, time) = (Disk::default(), Time(Instant::now()));
        let server = Server::open(options.clone(), disk.clone(), time, ()).await?;
        Ok(Self { server, options, disk, time })
    }
}

impl Arm for Simulated {
    fn name(&self) -> String {
        "the simulated server".to_owned()
    }

    async fn dial(&self) -> Result<Box<dyn Stream>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        tokio::spawn(self.server.serve(far));
        Ok(Box::new(near))
    }

    fn password(&self) -> Option<String> {
        None
    }

    async fn crash(&mut self) -> Result<()> {
        self.server.shut_down(Shutdown::Immediate);
        let options = self.options.clone();
        self.server = Server::open(options, self.disk.clone(), self.time, ()).await?;
        Ok(())
    }

    async fn slots(&mut self, count: usize) -> Result<()> {
        self.options.max_prepared_transactions = count;
        Ok(())
    }

    async fn stall(&mut self, stuck: bool) -> Result<()> {
        // Who waits already waits as long as it was told; this is longer than a step takes.
        self.disk.slow(if stuck { Duration::from_secs(1) } else { Duration::ZERO });
        Ok(())
    }
}
