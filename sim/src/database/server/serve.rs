//! A server as the world has it: it serves until its disk fails it, and is looked at and harmed.

use std::io;
use std::pin::pin;

use futures::future::{Either, select};
use futures::{TryStreamExt, stream};
use indoubt::Clock;

use super::super::store::Record;
use super::Server;
use crate::history::Event;
use crate::parts::{FOREIGN, Hand, Serve};

impl Serve for Server {
    async fn run(&self) -> io::Error {
        let messages = stream::unfold(&self.endpoint, |endpoint| async move {
            let message = endpoint.recv().await;
            Some((Ok(message), endpoint))
        });
        let serve =
            messages.try_for_each_concurrent(None, |(from, message)| self.serve(from, message));
        let expire = async {
            loop {
                self.site.clock.sleep(self.site.idle).await;
                self.end_idle(self.site.idle);
            }
        };
        match select(pin!(serve), pin!(expire)).await {
            Either::Left((Err(error), _)) => error,
            Either::Left((Ok(()), _)) => io::Error::other("the network ended"),
            Either::Right((never, _)) => never,
        }
    }

    async fn at_rest(&self) -> bool {
        let store = self.store();
        store.sessions.is_empty()
            && store.locked_rows() == 0
            && store.prepared.keys().all(|gid| self.ours(gid).is_none())
    }

    async fn remains(&self) -> Vec<Event> {
        let (p, store) = (self.site.p, self.store());
        let mut events: Vec<_> = store
            .rows
            .iter()
            .map(|(key, value)| Event::Row { p, key: *key, value: *value })
            .collect();
        let ours = store.prepared.keys().filter_map(|gid| self.ours(gid));
        events.extend(ours.map(|tx| Event::StillPrepared { tx, p }));
        let rows = u32::try_from(store.locked_rows()).unwrap_or(u32::MAX);
        if rows > 0 {
            events.push(Event::StillLocked { p, rows });
        }
        let found = FOREIGN.iter().filter(|gid| store.prepared.contains_key(**gid)).count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        events.push(Event::Foreign { p, expected: count(FOREIGN.len()), found: count(found) });
        events
    }

    async fn suffer(&self, hand: Hand) -> io::Result<bool> {
        match hand {
            Hand::Operator { commit } => {
                let ours = |gid: &&String| self.ours(gid).is_some();
                let gid = self.store().prepared.keys().find(ours).cloned();
                if let Some(gid) = gid {
                    self.operator_ends(&gid, commit).await?;
                }
            }
            Hand::Forget => {
                let nth = self.store().forgets + 1;
                self.write(&Record::Forgot { nth }).await?;
            }
            Hand::EndSessions | Hand::SessionCrash => return Ok(false),
        }
        Ok(true)
    }
}
