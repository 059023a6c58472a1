//! What of the protocol of two phases goes over the wire, in one direction or the other.
//!
//! Each message of Postgres's protocol says its kind in a byte and its length in four (PostgreSQL manual,
//! "Message Formats"); what is written at once may be several. The first that means something to the
//! protocol of two phases counts.

use crate::history::Word;

/// Requests, by how their text begins.
const REQUESTS: &[(&str, Word)] = &[
    ("PREPARE TRANSACTION ", Word::Prepare),
    ("COMMIT PREPARED ", Word::Commit),
    ("ROLLBACK PREPARED ", Word::Abort),
    ("SET LOCAL synchronous_commit = local; COMMIT", Word::OnePhase),
    ("COMMIT", Word::OnePhase),
    ("SELECT pg_catalog.pg_is_in_recovery(), prepared.gid", Word::List),
];

/// Answers, by their command tags.
const TAGS: &[(&str, Word)] = &[
    ("PREPARE TRANSACTION", Word::Vote),
    ("COMMIT PREPARED", Word::Acknowledgement),
    ("ROLLBACK PREPARED", Word::Acknowledgement),
    ("COMMIT", Word::OnePhaseAnswer),
];

/// What is said by these bytes, which were written, or read, at once.
pub(super) fn of(mut bytes: &[u8]) -> Word {
    while let Some((kind, body, rest)) = message(bytes) {
        let word = match kind {
            b'Q' => request(body),
            b'C' => answer(body),
            _ => None,
        };
        if let Some(word) = word {
            return word;
        }
        bytes = rest;
    }
    Word::Other
}

/// The first message: its kind, its text, and what follows it. None if it is not whole; the first that
/// a client sends has no kind and is not taken for one, for its length begins with a zero.
fn message(bytes: &[u8]) -> Option<(u8, &str, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let body = body.get(4..)?.strip_suffix(&[0]).unwrap_or_default();
    Some((*kind, std::str::from_utf8(body).unwrap_or_default(), rest))
}

fn request(text: &str) -> Option<Word> {
    REQUESTS.iter().find(|(begin, _)| text.starts_with(begin)).map(|(_, word)| *word)
}

fn answer(tag: &str) -> Option<Word> {
    TAGS.iter().find(|(known, _)| *known == tag).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[(u8, &str)]) -> Word {
        let mut bytes = Vec::new();
        for (kind, text) in messages {
            let length = u32::try_from(text.len() + 5).unwrap();
            bytes.push(*kind);
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        of(&bytes)
    }

    #[test]
    fn the_first_message_that_means_something_counts() {
        assert_eq!(said(&[(b'Q', "SELECT 1"), (b'Q', "COMMIT")]), Word::OnePhase);
        assert_eq!(said(&[(b'Q', "COMMIT PREPARED 'x'"), (b'Q', "SELECT 1")]), Word::Commit);
        assert_eq!(said(&[(b'C', "SELECT 1"), (b'C', "PREPARE TRANSACTION")]), Word::Vote);
        assert_eq!(said(&[(b'C', "ROLLBACK")]), Word::Other);
    }

    #[test]
    fn what_is_cut_off_or_no_message_says_nothing() {
        assert_eq!(of(b""), Word::Other);
        assert_eq!(of(b"Q\0\0\0\x0cCOMM"), Word::Other);
        assert_eq!(of(&[b'Q', 0, 0, 0, 0]), Word::Other);
        assert_eq!(of(&[b'Q', 255, 255, 255, 255]), Word::Other);
        assert_eq!(of(b"\0\0\0\x08\x04\xd2\x16\x2f"), Word::Other);
    }
}
