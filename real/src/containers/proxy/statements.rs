//! Which SQL a message makes the server execute.
//!
//! In a simple query the text is in the message. In the extended protocol it was sent
//! earlier: `Parse` names a statement, `Bind` makes a portal of it, `Execute` runs that.

use std::collections::BTreeMap;

use super::wire::{BIND, EXECUTE, Message, PARSE, QUERY};

/// The statements and portals of one connection, by name.
#[derive(Default)]
pub(super) struct Statements {
    prepared: BTreeMap<Vec<u8>, String>,
    portals: BTreeMap<Vec<u8>, String>,
    simple: String,
}

impl Statements {
    /// The text that the message has in it, or that was sent earlier of what it names.
    pub(super) fn named_by(&self, message: &Message) -> Option<String> {
        let mut strings = message.body().split(|byte| *byte == 0);
        let first = strings.next()?;
        match message.tag {
            QUERY => Some(text(first)),
            PARSE => Some(text(strings.next()?)),
            BIND => self.prepared.get(strings.next()?).cloned(),
            EXECUTE => self.portals.get(first).cloned(),
            other => Some(char::from(other).to_string()),
        }
    }

    /// Takes note of the message; returns the text it executes, if it does.
    pub(super) fn executed_by(&mut self, message: &Message) -> Option<&str> {
        let mut strings = message.body().split(|byte| *byte == 0);
        let first = strings.next()?.to_vec();
        match message.tag {
            QUERY => {
                self.simple = text(&first);
                Some(&self.simple)
            }
            PARSE => {
                self.prepared.insert(first, text(strings.next()?));
                None
            }
            BIND => {
                let statement = self.prepared.get(strings.next()?)?;
                self.portals.insert(first, statement.clone());
                None
            }
            EXECUTE => self.portals.get(&first).map(String::as_str),
            _ => None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
