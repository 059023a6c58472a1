//! The shortest order that, carried over, still breaks what a given one breaks.

use super::Order;
use crate::shrink::{Effort, Search, Shrunk, ddmin};
use crate::story::{Action, Size};
use crate::world::Run;

/// The shortest order found that breaks the invariant that this one breaks first; nothing if it
/// breaks none. `carry` carries one over and judges it.
pub fn shrink_order(
    order: &Order,
    effort: Effort,
    mut carry: impl FnMut(&Order) -> Run,
) -> Option<Shrunk<Order>> {
    let mut run = |candidate: &Order| candidate.check().ok().map(|()| carry(candidate));
    let mut search = Search::new(order, effort, &mut run)?;
    let actions = order.actions.clone();
    ddmin(&actions, |some| {
        let order = search.smallest().clone();
        search.accept(Order { actions: some.to_vec(), ..order })
    });
    while SMALLER.iter().any(|smaller| {
        let Order { seed, actions, mut size } = search.smallest().clone();
        smaller(&mut size, &actions);
        search.accept(Order { seed, actions, size })
    }) {}
    Some(search.finish(extent))
}

/// A smaller system for these actions. Whether it has what they name is asked of the order.
const SMALLER: [fn(&mut Size, &[Action]); 4] = [
    |size, _| size.transactions = size.transactions.saturating_sub(1),
    |size, _| size.participants = size.participants.saturating_sub(1),
    |size, _| size.coordinators = size.coordinators.saturating_sub(1),
    |size, actions| size.faults = actions.iter().map(|action| action.cost()).sum(),
];

fn extent(order: &Order) -> String {
    let actions = order.actions.len();
    format!("{actions} action{} in a system of {}", if actions == 1 { "" } else { "s" }, order.size)
}
