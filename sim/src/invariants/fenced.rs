//! What has acknowledged that it is over does not begin again.

use std::collections::BTreeSet;

use crate::history::{Ask, Event, Heard, History, VoteKind};

/// A branch whose abort was acknowledged to the process that began it is not prepared later: what
/// ends a branch of which a prepare may still be on its way has to fence that first.
///
/// Recovery, which knows only the gid, cannot; so it looks again and again, and its own aborts are
/// exempt.
pub(super) fn stays_ended(history: &History) -> Result<(), String> {
    let (mut prepared, mut over) = (BTreeSet::new(), BTreeSet::new());
    for event in history.events() {
        match *event {
            Event::Heard { tx, p, ask: Ask::Abort, heard: Heard::AsDecided, .. } => {
                over.insert((tx, p));
            }
            Event::Voted { tx, p, vote: VoteKind::Yes } => {
                // It is told again when a log is read.
                let is_first = prepared.insert((tx, p));
                if is_first && over.contains(&(tx, p)) {
                    return Err(format!(
                        "{tx} was prepared at participant-{p} after that had acknowledged its abort"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
