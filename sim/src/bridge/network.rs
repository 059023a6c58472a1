//! The director as the network: requests arrive, replies arrive, both are lost.

use super::board::{Errand, InHand};
use super::director::{Director, soon};
use super::outcome::Stop;
use crate::bend::Bend;
use crate::database::{Reply, Request};
use crate::story::{From, Stray};

impl<B: Bend> Director<'_, B> {
    pub(super) async fn arrive(
        &mut self,
        t: u8,
        p: u8,
        from: From,
        twice: bool,
    ) -> Result<(), Stop> {
        if let From::Nobody(kind) = from {
            let errand = self.stray(t, p, kind, twice)?;
            let reply = self.deliver(&errand).await?;
            // It can overtake the reply to the request itself.
            if kind == Stray::Prepare
                && let Some(call) = self.board(t).asked.get_mut(&p)
                && let Some(Reply::Yes | Reply::ReadOnly | Reply::No) = call.reply
            {
                call.reply = Some(reply);
            }
            return Ok(());
        }
        let mut call = self.in_hand(t, p, from)?;
        if call.reply.is_some() {
            return Err(Stop::differ("the request on its way", "it delivered"));
        }
        if twice {
            self.board(t).stray(p, &call.errand);
        }
        let reply = self.deliver(&call.errand).await?;
        if matches!(reply, Reply::Busy) {
            // Refused: that has no effect, and whoever waits hears so at once.
            let _gone = call.answer.send(None);
        } else {
            call.reply = Some(reply);
            self.put_back(t, p, from, call);
        }
        Ok(())
    }

    /// The request has no effect, and whoever waits hears so.
    pub(super) fn refuse(&mut self, t: u8, p: u8, from: From) -> Result<(), Stop> {
        let _gone = self.in_hand(t, p, from)?.answer.send(None);
        Ok(())
    }

    pub(super) async fn reply(&mut self, t: u8, p: u8, from: From) -> Result<(), Stop> {
        let mut call = self.in_hand(t, p, from)?;
        if matches!(call.errand.request, Request::Inquire { .. }) {
            // Asked and answered at once: it changes nothing where it is asked.
            call.reply = Some(self.deliver(&call.errand).await?);
        }
        if call.reply.is_none() {
            return Err(Stop::differ("a reply on its way", "the request on its way"));
        }
        let _gone = call.answer.send(call.reply);
        Ok(())
    }

    /// Whoever waits does so no longer; a request that has not arrived still may.
    pub(super) fn give_up(&mut self, t: u8, p: u8, from: From) -> Result<(), Stop> {
        let call = self.in_hand(t, p, from)?;
        self.board(t).abandon(p, &call);
        let _gone = call.answer.send(None);
        Ok(())
    }

    /// A request that nobody waits for; `copied` if a copy of it stays so.
    pub(super) fn stray(
        &mut self,
        t: u8,
        p: u8,
        kind: Stray,
        copied: bool,
    ) -> Result<Errand, Stop> {
        let strays = &mut self.board(t).strays;
        let place = strays.iter().position(|(at, other, _)| (*at, *other) == (p, kind));
        let Some(place) = place else {
            return Err(Stop::differ(format!("a late {kind} on its way"), "none"));
        };
        Ok(if copied { strays[place].2.clone() } else { strays.swap_remove(place).2 })
    }

    async fn deliver(&self, errand: &Errand) -> Result<Reply, Stop> {
        soon(self.rpc.call(errand.to, errand.request.clone())).await
    }

    fn in_hand(&mut self, t: u8, p: u8, from: From) -> Result<InHand, Stop> {
        let call = match from {
            From::Recovery(c) => self.resolving.remove(&(c, t, p)),
            From::Transaction | From::Nobody(_) => self.board(t).asked.remove(&p),
        };
        call.ok_or_else(|| Stop::differ("a request to this participant", "none"))
    }

    fn put_back(&mut self, t: u8, p: u8, from: From, call: InHand) {
        match from {
            From::Recovery(c) => drop(self.resolving.insert((c, t, p), call)),
            From::Transaction | From::Nobody(_) => drop(self.board(t).asked.insert(p, call)),
        }
    }
}
