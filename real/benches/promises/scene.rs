//! A coordinator over a real log, and clients that never pause.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the time")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use indoubt::{BranchGid, Coordinator, Deadlines, DecisionLog};
use indoubt_real::TokioClock;
use indoubt_real::log::{Directory, FileLog, Options};
use tokio::task::JoinHandle;

use super::Asked;
use super::disk::SlowDisk;
use super::figures::Figures;
use super::memory::Memory;

type Log = Arc<FileLog<SlowDisk>>;

/// How many orphans are left behind, one after the other.
pub(crate) const ORPHANS: u32 = 20;

pub(crate) struct Scene {
    asked: Asked,
    path: PathBuf,
    coordinator: Coordinator,
    log: Log,
    driver: JoinHandle<()>,
    participants: [Memory; 2],
}

impl Scene {
    /// With a log of its own, in a new directory.
    pub(crate) async fn open(asked: Asked) -> anyhow::Result<Self> {
        static SCENES: AtomicU64 = AtomicU64::new(0);
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        let name = format!("indoubt-bench-{}-{number}", std::process::id());
        let participants = [Memory::new("orders"), Memory::new("stock")];
        Self::reopen(asked, std::env::temp_dir().join(name), participants).await
    }

    async fn reopen(
        asked: Asked,
        path: PathBuf,
        participants: [Memory; 2],
    ) -> anyhow::Result<Self> {
        let disk = SlowDisk { directory: Directory::new(&path)?, sync: asked.sync };
        let log = Arc::new(FileLog::open(disk, "bench".parse()?, Options::default()).await?);
        // Sweeps are counted where they are asked for, so the driver makes none of its own.
        let deadlines =
            Deadlines { recovery_interval: Duration::from_secs(3600), ..Deadlines::default() };
        let mut builder = Coordinator::builder(log.clone(), TokioClock).deadlines(deadlines);
        for participant in &participants {
            builder = builder.participant(participant.clone());
        }
        let (coordinator, driver) = builder.build()?;
        let driver = tokio::spawn(driver.run());
        Ok(Self { asked, path, coordinator, log, driver, participants })
    }

    /// Ends it, and removes its directory.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let path = self.end().await?;
        Ok(std::fs::remove_dir_all(path)?)
    }

    async fn end(self) -> anyhow::Result<PathBuf> {
        drop((self.coordinator, self.log));
        self.driver.await?;
        Ok(self.path)
    }

    /// How long commits take with so many clients, for the time that was asked for.
    pub(crate) async fn commits(&self, clients: usize) -> Figures {
        let (traffic, stop) = self.traffic(clients);
        tokio::time::sleep(self.asked.time).await;
        stop.store(true, Ordering::Relaxed);
        ended(traffic).await
    }

    /// How long it takes to ask for an older transaction, beside clients.
    pub(crate) async fn reads_beside(&self, clients: usize) -> anyhow::Result<(Figures, Figures)> {
        let asked_for = self.coordinator.begin();
        let gid = asked_for.gid().clone();
        asked_for.rollback().await;
        let (traffic, stop) = self.traffic(clients);
        let (mut status, mut read) = (Figures::default(), Figures::default());
        let began = Instant::now();
        while began.elapsed() < self.asked.time {
            let before = Instant::now();
            self.coordinator.status(&gid).await?;
            status.add(before.elapsed());
            let before = Instant::now();
            self.log.read(&gid).await?;
            read.add(before.elapsed());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.store(true, Ordering::Relaxed);
        ended(traffic).await;
        Ok((status, read))
    }

    /// Clients that commit one transaction after the other until told to stop.
    fn traffic(&self, clients: usize) -> (Vec<JoinHandle<Figures>>, Arc<AtomicBool>) {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (coordinator, stop) = (self.coordinator.clone(), Arc::clone(&stop));
            tokio::spawn(client(coordinator, self.participants.clone(), stop))
        };
        ((0..clients).map(client).collect(), stop)
    }
}

async fn client(
    coordinator: Coordinator,
    participants: [Memory; 2],
    stop: Arc<AtomicBool>,
) -> Figures {
    let mut figures = Figures::default();
    while !stop.load(Ordering::Relaxed) {
        let transaction = coordinator.begin();
        for participant in &participants {
            transaction.branch(participant).await.expect("a participant in memory begins");
        }
        let before = Instant::now();
        let outcome = transaction.commit().await;
        figures.add(before.elapsed());
        assert!(outcome.is_committed(), "{outcome:?}");
    }
    figures
}

async fn ended(traffic: Vec<JoinHandle<Figures>>) -> Figures {
    let figures = join_all(traffic).await.into_iter().map(|one| one.expect("a client ends"));
    figures.fold(Figures::default(), Figures::merge)
}

/// How many sweeps it takes at most, beside clients, to end a branch that an earlier opening left
/// prepared.
pub(crate) async fn sweeps_until_orphans_are_resolved(
    asked: Asked,
    clients: usize,
) -> anyhow::Result<u32> {
    let before = Scene::open(asked).await?;
    let participants = before.participants.clone();
    let orphan = orphan(&before);
    let path = before.end().await?;

    let scene = Scene::reopen(asked, path, participants).await?;
    let (traffic, stop) = scene.traffic(clients);
    // In full swing, and past the sweep that the driver makes when it starts.
    tokio::time::sleep(asked.time / 4).await;
    let mut most = 0;
    for _ in 0..ORPHANS {
        scene.participants[0].leave(orphan.clone());
        let mut sweeps = 0;
        while scene.participants[0].holds(&orphan) {
            anyhow::ensure!(sweeps < 100, "the orphan is not resolved by {sweeps} sweeps");
            scene.coordinator.recover().await;
            sweeps += 1;
        }
        most = most.max(sweeps);
    }
    stop.store(true, Ordering::Relaxed);
    ended(traffic).await;
    scene.close().await?;
    Ok(most)
}

/// A branch of a transaction that was never decided.
fn orphan(scene: &Scene) -> BranchGid {
    let transaction = scene.coordinator.begin();
    let gid = transaction.gid().clone();
    gid.branch(indoubt::protocol::BranchId::new(0).expect("0 is a branch"))
}
