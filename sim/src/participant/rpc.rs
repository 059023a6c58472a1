//! Requests and replies over datagrams: matching the one to the other, and nothing more.
//!
//! Nothing is sent twice here: what a lost packet means is for the protocol's deadlines to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;

use super::wire::{Body, Message, Reply, Request};
use crate::net::{Endpoint, NodeId};

/// One process's side of its conversations with participants.
#[derive(Clone)]
pub struct Rpc {
    endpoint: Arc<Endpoint<Message>>,
    waiting: Arc<Mutex<Waiting>>,
}

struct Waiting {
    last: u64,
    calls: BTreeMap<u64, oneshot::Sender<Reply>>,
}

impl Rpc {
    /// Over an endpoint that nobody else receives from. `life` sets this process apart from
    /// earlier ones at the same address, whose replies can still be on their way.
    pub fn new(endpoint: Endpoint<Message>, life: u64) -> Self {
        let waiting = Waiting { last: life << 32, calls: BTreeMap::new() };
        Self { endpoint: Arc::new(endpoint), waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Hands replies to their callers, for ever. Spawn it on the process's node.
    pub async fn dispatch(self) {
        loop {
            let (_, message) = self.endpoint.recv().await;
            let Body::Reply(reply) = message.body else { continue };
            let caller = self.waiting().calls.remove(&message.id);
            if let Some(caller) = caller {
                // A duplicate, or a reply that came after its caller gave up, falls through here.
                let _gone = caller.send(reply);
            }
        }
    }

    /// Sends a request and waits for its reply, if need be for ever.
    pub(crate) async fn call(&self, to: NodeId, request: Request) -> Reply {
        let (sender, reply) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting();
            waiting.last += 1;
            let id = waiting.last;
            waiting.calls.insert(id, sender);
            id
        };
        let _forget = Forget { rpc: self, id };
        self.endpoint.send(to, Message { id, body: Body::Request(request) });
        match reply.await {
            Ok(reply) => reply,
            Err(oneshot::Canceled) => futures::future::pending().await,
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops waiting when the caller does.
struct Forget<'a> {
    rpc: &'a Rpc,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.rpc.waiting().calls.remove(&self.id);
    }
}
