//! A picture as text: a column a lane, a line an event, downwards in time.

use std::fmt;

use super::model::Picture;
use super::parts::{Arrow, BarKind, End, Mark, MarkKind, Message, tx_name};

/// The columns of a picture, to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a>(pub &'a Picture);

/// Where the first lifeline stands: times are before it.
const GUTTER: usize = 14;
/// After so many lines the names are said again.
const AGAIN: usize = 50;
/// A pause, in microseconds, that is worth a line.
const PAUSE_US: u64 = 5_000;

const LEGEND: &str =
    "│ up   ┃ prepared, or owed by the log   (nothing) down   ▶ arrives   ╳ comes to nothing";

impl fmt::Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picture = self.0;
        let sheet = Sheet::of(picture);
        let (mut lines, mut before, mut rows) = (0, None, 0);
        for (at, mark) in picture.marks.iter().enumerate() {
            if mark.kind == MarkKind::Rows {
                rows += 1;
            } else {
                if lines % AGAIN == 0 {
                    writeln!(f, "{}", sheet.names())?;
                }
                lines += 1;
                if before.is_some_and(|before| mark.at_us - before >= PAUSE_US) {
                    writeln!(f, "{}", sheet.lifelines(at, false))?;
                }
                writeln!(f, "{}", sheet.line(at, mark))?;
                before = Some(mark.at_us);
            }
            for broken in picture.verdicts.iter().filter(|verdict| verdict.mark == at) {
                writeln!(f, "▲▲▲▲▲▲▲▲▲▲▲▲▲ VIOLATION {}: {}", broken.invariant, broken.what)?;
            }
        }
        writeln!(f, "{LEGEND}")?;
        if rows > 0 {
            writeln!(f, "{rows} lines on rows are left out; the listing has them")?;
        }
        Ok(())
    }
}

/// A line that is being drawn.
struct Line(Vec<char>);

impl Line {
    fn put(&mut self, at: usize, c: char) {
        if self.0.len() <= at {
            self.0.resize(at + 1, ' ');
        }
        self.0[at] = c;
    }

    fn write(&mut self, at: usize, text: &str) {
        text.chars().enumerate().for_each(|(n, c)| self.put(at + n, c));
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().collect();
        f.write_str(text.trim_end())
    }
}

struct Sheet<'a> {
    picture: &'a Picture,
    width: usize,
    /// For each mark, the message that it ends, or begins.
    of: Vec<Option<&'a Message>>,
    /// For each mark and lane, how it stands there.
    stands: Vec<Vec<char>>,
}

impl<'a> Sheet<'a> {
    fn of(picture: &'a Picture) -> Self {
        let lanes = picture.lanes.len().max(1);
        let mut of = vec![None; picture.marks.len()];
        for message in &picture.messages {
            let ends = [Some(message.asked), message.done, message.closed];
            ends.into_iter().flatten().for_each(|mark| of[mark] = Some(message));
        }
        let width = (150 / lanes).clamp(18, 26);
        Self { picture, width, of, stands: stands(picture) }
    }

    fn axis(&self, lane: usize) -> usize {
        GUTTER + lane * self.width
    }

    fn names(&self) -> Line {
        let mut line = Line(Vec::new());
        for (lane, name) in self.picture.lanes.iter().enumerate() {
            line.write(self.axis(lane), &name.to_string());
        }
        line
    }

    /// The lifelines at a mark: after it, or before it.
    fn lifelines(&self, at: usize, after: bool) -> Line {
        let mut line = Line(Vec::new());
        let at = if after { at + 1 } else { at };
        for (lane, stands) in self.stands[at].iter().enumerate() {
            line.put(self.axis(lane), *stands);
        }
        line
    }

    fn line(&self, at: usize, mark: &Mark) -> Line {
        let mut drawn = self.lifelines(at, true);
        drawn.write(0, &format!("{:>7}.{:03}", mark.at_us / 1000, mark.at_us % 1000));
        let tx = mark.tx.map(|tx| format!(" {}", tx_name(tx))).unwrap_or_default();
        let label = format!("{}{tx}", mark.short);
        let Some(lane) = mark.lane else {
            let last = self.axis(self.picture.lanes.len()) - 6;
            (GUTTER..last).for_each(|x| drawn.put(x, '═'));
            drawn.write(GUTTER + 2, &format!(" {label} "));
            return drawn;
        };
        match self.arrow(at, mark) {
            Some((from, to, shaft, arrives)) => {
                self.draw(&mut drawn, (from, to), shaft, arrives, &label);
            }
            None => drawn.write(self.axis(lane), &format!("{} {label}", glyph(mark.kind))),
        }
        drawn
    }

    /// From where to where, how it is drawn, and whether it arrives.
    fn arrow(&self, at: usize, mark: &Mark) -> Option<(usize, usize, char, bool)> {
        let (lane, peer) = (mark.lane?, mark.peer?);
        match mark.arrow {
            Arrow::Out => Some((lane, peer, '─', true)),
            Arrow::In => Some((peer, lane, '─', true)),
            Arrow::Failed => Some((lane, peer, '─', false)),
            Arrow::None => {
                let message = self.of[at].filter(|_| mark.kind == MarkKind::Message)?;
                let refused = message.end == End::Refused;
                let shaft = if refused { '╌' } else { '─' };
                Some(if message.asked == at {
                    (lane, peer, '─', message.reached())
                } else {
                    (peer, lane, shaft, true)
                })
            }
        }
    }

    fn draw(
        &self,
        line: &mut Line,
        (from, to): (usize, usize),
        shaft: char,
        arrives: bool,
        label: &str,
    ) {
        let (start, goal) = (self.axis(from), self.axis(to));
        let (left, right) = (start.min(goal), start.max(goal));
        let axes: Vec<_> = (0..self.picture.lanes.len()).map(|lane| self.axis(lane)).collect();
        // Where nothing arrives the arrow ends on the way.
        let short = if arrives { 0 } else { self.width / 3 };
        let (left, right) =
            if start < goal { (left, right - short) } else { (left + short, right) };
        for x in left + 1..right {
            let crosses = axes.contains(&x) && line.0.get(x).is_some_and(|c| *c != ' ');
            line.put(x, if crosses { '┼' } else { shaft });
        }
        let head = match (arrives, start < goal) {
            (false, _) => '╳',
            (true, true) => '▶',
            (true, false) => '◀',
        };
        let (tail, tip) = if start < goal { (left, right) } else { (right, left) };
        line.put(tail, '●');
        line.put(tip, head);
        let room = right - left;
        if label.chars().count() + 5 <= room {
            line.write(left + 2, &format!(" {label} "));
        } else {
            line.write(right + 2, &format!("{label} "));
        }
    }
}

const fn glyph(kind: MarkKind) -> char {
    match kind {
        MarkKind::Client | MarkKind::Message => '●',
        MarkKind::GaveUp | MarkKind::No => '✗',
        MarkKind::Yes => '✓',
        MarkKind::Force => '◇',
        MarkKind::Decision => '◆',
        MarkKind::Committed => '■',
        MarkKind::RolledBack => '□',
        MarkKind::Log | MarkKind::Rows | MarkKind::Run => '·',
        MarkKind::Fault => '!',
        MarkKind::Repair => '+',
        MarkKind::Stranger => '?',
    }
}

/// How each lane stands before each mark, and after the last.
fn stands(picture: &Picture) -> Vec<Vec<char>> {
    let (marks, lanes) = (picture.marks.len(), picture.lanes.len());
    let mut changes = vec![Vec::new(); marks + 1];
    for bar in &picture.bars {
        changes[bar.from].push((bar, 1));
        if let Some(until) = bar.until {
            changes[until].push((bar, -1));
        }
    }
    let (mut down, mut held) = (vec![0; lanes], vec![0; lanes]);
    let mut stands = Vec::with_capacity(marks + 1);
    for changed in &changes {
        let stand = |(down, held): (&i32, &i32)| match (*down > 0, *held > 0) {
            (true, _) => ' ',
            (false, true) => '┃',
            (false, false) => '│',
        };
        stands.push(down.iter().zip(&held).map(stand).collect());
        for (bar, by) in changed {
            match bar.kind {
                BarKind::Down => down[bar.lane] += by,
                BarKind::Owed | BarKind::Prepared => held[bar.lane] += by,
                BarKind::Cut
                | BarKind::Sick
                | BarKind::Ailing
                | BarKind::Paused
                | BarKind::Stale
                | BarKind::Forcing => {}
            }
        }
    }
    stands
}
