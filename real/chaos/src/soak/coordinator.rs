//! The coordinator's process and its clients, again after each kill.

use anyhow::{Context as _, Result};

use crate::arena::Arena;
use crate::words::Order;

/// Has the clients of the process that runs begin where those before them were.
pub(super) async fn work(arena: &Arena) -> Result<()> {
    let mut coordinator = arena.coordinator.lock().await;
    let running = coordinator.as_mut().context("a coordinator runs")?;
    running.ask(&Order::Work(arena.story.begun())).await.map(drop)
}

/// Kills it, and starts the next.
pub(super) async fn kill(arena: &Arena) -> Result<()> {
    {
        let mut coordinator = arena.coordinator.lock().await;
        arena.kill(&mut coordinator)?;
        arena.open_into(&mut coordinator).await?;
    }
    work(arena).await
}
