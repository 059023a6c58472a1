//! Hosted participants as a kind of participant.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::channel::mpsc::unbounded;

use super::seat::Pages;
use super::sessions::Sessions;
use super::teller::Chronicle;
use super::wire::{Message, Reply, Request};
use super::{Host, Hosted, Remote, Seat, Teller};
use crate::history::Place;
use crate::journal::Journal;
use crate::net::{Endpoint, NodeId};
use crate::parts::{Kind, Node};
use crate::rpc::Rpc;
use crate::turns::Turns;

/// A hosted kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hosting<H>(pub H);

/// What of a hosted participant outlives its node, beside the disk.
#[derive(Clone, Default)]
pub struct Kept {
    rows: Vec<(u64, i64)>,
    chronicle: Chronicle,
    lives: Arc<AtomicU64>,
}

impl<H: Hosted> Kind for Hosting<H> {
    type Message = Message<H::Op>;
    type Line = Rpc<Request<H::Op>, Reply>;
    type Participant = Remote<H::Op>;
    type Server = Host<H>;
    type Kept = Kept;

    fn kept(&self, _: u8, rows: &[(u64, i64)]) -> Kept {
        Kept { rows: rows.to_vec(), ..Kept::default() }
    }

    fn line(&self, _: Place, endpoint: Endpoint<Self::Message>, life: u64) -> Self::Line {
        let rpc = Rpc::new(endpoint, life);
        madsim::task::spawn(rpc.clone().dispatch());
        rpc
    }

    fn participant(&self, p: u8, node: NodeId, line: &Self::Line) -> Self::Participant {
        Remote::new(p, node, line.clone())
    }

    async fn start(
        &self,
        node: Node<Self>,
    ) -> Result<Host<H>, (Endpoint<Self::Message>, io::Error)> {
        let Node { site, disk, endpoint, kept } = node;
        let teller = Teller::new(site.p, site.owner.clone(), site.events.clone(), kept.chronicle);
        let (failed, failures) = unbounded();
        let opened = match Journal::open(disk, Vec::new).await {
            Ok((journal, records)) => {
                let pages = Arc::new(Pages { journal: Turns::new(journal), failed });
                let (p, rows, clock) = (site.p, kept.rows, site.clock.clone());
                let seat = Seat { p, rows, teller: teller.clone(), clock, records, pages };
                self.0.open(seat).await
            }
            Err(error) => Err(error),
        };
        let participant = match opened {
            Ok(participant) => participant,
            Err(error) => return Err((endpoint, error)),
        };
        teller.opened();
        let life = kept.lives.fetch_add(1, Ordering::Relaxed);
        Ok(Host {
            hosted: self.0.clone(),
            participant,
            site,
            endpoint,
            teller,
            sessions: Sessions::of_life(life),
            ending: Mutex::new(BTreeSet::new()),
            failed: failures.into(),
        })
    }
}
