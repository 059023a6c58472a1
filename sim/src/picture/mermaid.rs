//! A picture as a Mermaid `sequenceDiagram`, for pages and chats that draw it.

use std::fmt;

use super::lane::Lane;
use super::model::Picture;
use super::parts::{Arrow, End, Mark, MarkKind, Message, tx_name};

/// What Mermaid takes by default, in characters: `maxTextSize`.
pub const MOST_CHARACTERS: usize = 50_000;
/// How many messages can still be read in one diagram.
pub const MOST_MESSAGES: usize = 400;

/// A picture that is too large for a diagram of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Its messages, counted as they are drawn.
    pub messages: usize,
    /// Its characters.
    pub characters: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a Mermaid diagram of this run would have {} messages in {} characters, and {MOST_MESSAGES} \
             in {MOST_CHARACTERS} are the most that are drawn: pass one transaction, as `--tx 1:3`, or \
             use --html, which has no limit",
            self.messages, self.characters
        )
    }
}

impl std::error::Error for TooLarge {}

/// Writes the diagram.
pub fn diagram(picture: &Picture) -> Result<String, TooLarge> {
    let mut drawn = Drawn { picture, text: String::from("sequenceDiagram\n"), messages: 0 };
    for lane in &picture.lanes {
        drawn.line(&format!("participant {} as {lane}", id(*lane)));
    }
    for at in 0..picture.marks.len() {
        drawn.mark(at);
    }
    let (messages, characters) = (drawn.messages, drawn.text.chars().count());
    if messages > MOST_MESSAGES || characters > MOST_CHARACTERS {
        return Err(TooLarge { messages, characters });
    }
    Ok(drawn.text)
}

/// A name without anything that Mermaid could take for its own.
fn id(lane: Lane) -> String {
    match lane {
        Lane::Clients => "clients".to_owned(),
        Lane::Log => "log".to_owned(),
        Lane::Coordinator(index) => format!("c{index}"),
        Lane::Participant(index) => format!("p{index}"),
    }
}

/// Text without anything that Mermaid could take for its own.
fn plain(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '#' => "#35;".to_owned(),
        ';' => "#59;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '\n' | '\r' => " ".to_owned(),
        other => other.to_string(),
    });
    escaped.collect()
}

struct Drawn<'a> {
    picture: &'a Picture,
    text: String,
    messages: usize,
}

impl Drawn<'_> {
    fn line(&mut self, line: &str) {
        self.text += "    ";
        self.text += line;
        self.text += "\n";
    }

    fn id(&self, lane: usize) -> String {
        self.picture.lanes.get(lane).map_or_else(String::new, |lane| id(*lane))
    }

    fn arrow(&mut self, from: usize, arrow: &str, to: usize, mark: &Mark) {
        let line = format!("{}{arrow}{}: {}", self.id(from), self.id(to), label(mark));
        self.line(&line);
        self.messages += 1;
    }

    fn note(&mut self, mark: &Mark, short: &str) {
        let over = match mark.lane {
            Some(lane) => self.id(lane),
            None => format!("{},{}", self.id(0), self.id(self.picture.lanes.len() - 1)),
        };
        self.line(&format!("Note over {over}: {}", words(mark, short)));
    }

    fn mark(&mut self, at: usize) {
        let picture = self.picture;
        let Some(mark) = picture.marks.get(at) else { return };
        if mark.kind != MarkKind::Rows {
            match (mark.arrow, mark.lane, mark.peer) {
                (Arrow::Out, Some(lane), Some(peer)) => self.arrow(lane, "->>", peer, mark),
                (Arrow::In, Some(lane), Some(peer)) => self.arrow(peer, "->>", lane, mark),
                (Arrow::Failed, Some(lane), Some(peer)) => self.arrow(lane, "-x", peer, mark),
                _ => self.of_a_message(at, mark),
            }
        }
        for verdict in picture.verdicts.iter().filter(|verdict| verdict.mark == at) {
            let short = format!("VIOLATION {}: {}", verdict.invariant, verdict.what);
            self.note(&Mark { lane: None, ..mark.clone() }, &short);
        }
    }

    /// A mark that is an end of a request, or is nothing but itself.
    fn of_a_message(&mut self, at: usize, mark: &Mark) {
        let picture = self.picture;
        let end = |message: &&Message| message.asked == at || message.closed == Some(at);
        match picture.messages.iter().find(end) {
            Some(message) if message.asked == at => {
                let arrow = if message.reached() { "->>" } else { "-x" };
                self.arrow(message.from, arrow, message.to, mark);
            }
            Some(message) if mark.kind == MarkKind::Message => {
                let arrow = if message.end == End::Refused { "--x" } else { "-->>" };
                self.arrow(message.to, arrow, message.from, mark);
            }
            Some(_) | None => self.note(mark, &mark.short),
        }
    }
}

fn label(mark: &Mark) -> String {
    words(mark, &mark.short)
}

fn words(mark: &Mark, short: &str) -> String {
    let tx = mark.tx.map(|tx| format!(" [{}]", tx_name(tx))).unwrap_or_default();
    let (ms, us) = (mark.at_us / 1000, mark.at_us % 1000);
    format!("{ms}.{us:03} ms {}{tx}", plain(short))
}
