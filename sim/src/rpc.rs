//! Requests and replies over datagrams: matching the one to the other, and nothing more.
//!
//! Nothing is sent twice here: what a lost packet means is for the protocol's deadlines to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;

use crate::history::Word;
use crate::lock::lock;
use crate::net::{Endpoint, NodeId, Spoken};

/// A request or a reply; a reply carries the id of its request.
#[derive(Clone, Debug)]
pub struct Message<Q, A> {
    id: u64,
    body: Body<Q, A>,
}

#[derive(Clone, Debug)]
enum Body<Q, A> {
    Request(Q),
    Reply(A),
}

impl<Q: Spoken, A: Spoken> Spoken for Message<Q, A> {
    fn word(&self) -> Word {
        match &self.body {
            Body::Request(request) => request.word(),
            Body::Reply(reply) => reply.word(),
        }
    }
}

impl<Q, A> Message<Q, A> {
    /// The request, and what its reply has to carry; `None` of a reply.
    pub fn into_request(self) -> Option<(ReplyTo, Q)> {
        match self.body {
            Body::Request(request) => Some((ReplyTo(self.id), request)),
            Body::Reply(_) => None,
        }
    }
}

/// Which request a reply is to.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTo(u64);

impl ReplyTo {
    /// A reply to it.
    pub const fn with<Q, A>(self, reply: A) -> Message<Q, A> {
        Message { id: self.0, body: Body::Reply(reply) }
    }
}

/// One process's side of its conversations.
pub struct Rpc<Q, A> {
    endpoint: Arc<Endpoint<Message<Q, A>>>,
    waiting: Arc<Mutex<Waiting<A>>>,
}

struct Waiting<A> {
    last: u64,
    calls: BTreeMap<u64, oneshot::Sender<A>>,
}

// Derived, it would ask the same of the messages.
impl<Q, A> Clone for Rpc<Q, A> {
    fn clone(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), waiting: self.waiting.clone() }
    }
}

impl<Q: Clone + Spoken + Send + 'static, A: Clone + Spoken + Send + 'static> Rpc<Q, A> {
    /// Over an endpoint that nobody else receives from. `life` sets this process apart from
    /// earlier ones at the same address, whose replies can still be on their way.
    pub fn new(endpoint: Endpoint<Message<Q, A>>, life: u64) -> Self {
        let waiting = Waiting { last: life << 32, calls: BTreeMap::new() };
        Self { endpoint: Arc::new(endpoint), waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Hands replies to their callers, for ever. Spawn it on the process's node.
    pub async fn dispatch(self) {
        loop {
            let (_, message) = self.endpoint.recv().await;
            let Body::Reply(reply) = message.body else { continue };
            let caller = lock(&self.waiting).calls.remove(&message.id);
            if let Some(caller) = caller {
                // A duplicate, or a reply that came after its caller gave up, falls through here.
                let _gone = caller.send(reply);
            }
        }
    }

    /// Sends a request and waits for its reply, if need be for ever.
    ///
    /// # Cancel safety
    /// A call that is dropped has sent its request, and is not told of a reply.
    pub async fn call(&self, to: NodeId, request: Q) -> A {
        let (sender, reply) = oneshot::channel();
        let id = {
            let mut waiting = lock(&self.waiting);
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
}

/// Stops waiting when the caller does.
struct Forget<'a, Q, A> {
    rpc: &'a Rpc<Q, A>,
    id: u64,
}

impl<Q, A> Drop for Forget<'_, Q, A> {
    fn drop(&mut self) {
        lock(&self.rpc.waiting).calls.remove(&self.id);
    }
}
