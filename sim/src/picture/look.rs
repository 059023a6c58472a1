//! What an event is in a picture: the one place here that knows every kind of event.
//!
//! A kind of event that is new needs one arm in [`see`], which says where it is drawn, as what, and
//! what it begins or ends.

use super::lane::Lane;
use super::parts::{Arrow, BarKind, MarkKind};
use crate::history::{Ailment, Ask, Event, Heard, Place, ServiceEvent, Told, Tx, VoteKind};

/// What a coordinator asks of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) tx: Tx,
    pub(super) p: u8,
    pub(super) by: Place,
    pub(super) ask: Ask,
}

/// What lasts, by what tells it from others that last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) kind: BarKind,
    pub(super) lane: Lane,
    pub(super) peer: Option<Lane>,
    pub(super) tx: Option<Tx>,
}

/// What a participant did that a request can have had it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) tx: Tx,
    pub(super) p: u8,
    /// What asks for it.
    pub(super) ask: Ask,
}

/// What an event begins, ends or answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Began(Tx, Place),
    Asks(Call),
    Hears(Call, Heard),
    GivesUp(Call),
    Does(Act),
    Opens(Span),
    Closes(Span),
    /// From now on exactly these last there.
    Holds(BarKind, Lane, Vec<Tx>),
    /// Whatever this place was about is over.
    Dies(Place),
}

/// An event as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Where; across all lanes if nowhere.
    pub(super) lane: Option<Lane>,
    pub(super) peer: Option<Lane>,
    pub(super) arrow: Arrow,
    pub(super) kind: MarkKind,
    pub(super) short: String,
    pub(super) effects: Vec<Effect>,
}

impl Look {
    fn everywhere(kind: MarkKind, short: impl Into<String>) -> Self {
        let (short, effects) = (short.into(), Vec::new());
        Self { lane: None, peer: None, arrow: Arrow::None, kind, short, effects }
    }

    fn at(lane: Lane, kind: MarkKind, short: impl Into<String>) -> Self {
        Self { lane: Some(lane), ..Self::everywhere(kind, short) }
    }

    fn with(self, arrow: Arrow, peer: Lane) -> Self {
        Self { peer: Some(peer), arrow, ..self }
    }

    fn and(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

const fn span(kind: BarKind, lane: Lane) -> Span {
    Span { kind, lane, peer: None, tx: None }
}

const fn of(kind: BarKind, lane: Lane, tx: Tx) -> Span {
    Span { kind, lane, peer: None, tx: Some(tx) }
}

const fn ended(committed: bool) -> (MarkKind, &'static str) {
    if committed {
        (MarkKind::Committed, "committed")
    } else {
        (MarkKind::RolledBack, "rolled back")
    }
}

const fn told(told: Told) -> &'static str {
    match told {
        Told::Committed => "told: committed",
        Told::Aborted => "told: aborted",
        Told::InDoubt => "told: in doubt",
        Told::Expired => "told: no longer remembered",
        Told::NeverBegun => "told: never begun",
    }
}

const fn words(ask: Ask) -> &'static str {
    match ask {
        Ask::Prepare => "prepare",
        Ask::OnePhase => "commit in one phase",
        Ask::Inquire => "how did it end?",
        Ask::Commit => "commit",
        Ask::Abort => "roll back",
        Ask::RecoverCommit => "commit (recovery)",
        Ask::RecoverAbort => "roll back (recovery)",
    }
}

/// What asks for such an end.
const fn asked(committed: bool, one_phase: bool, by_recovery: bool) -> Ask {
    match (committed, one_phase, by_recovery) {
        (_, true, _) => Ask::OnePhase,
        (true, false, true) => Ask::RecoverCommit,
        (false, false, true) => Ask::RecoverAbort,
        (true, false, false) => Ask::Commit,
        (false, false, false) => Ask::Abort,
    }
}

/// How an event is drawn. `home` is where its transaction was begun.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of event, in one place")]
pub(super) fn see(event: &Event, home: Place) -> Look {
    use Effect::{Asks, Began, Closes, Dies, Does, GivesUp, Hears, Holds, Opens};
    let participant = |p: u8| Lane::Participant(p);
    let home_lane = Lane::of(home);
    match *event {
        Event::Run { .. } => Look::everywhere(MarkKind::Run, "the run begins"),
        Event::Promised { .. } => Look::everywhere(MarkKind::Run, "promised"),
        Event::Seeded { p, .. } => Look::at(participant(p), MarkKind::Rows, "begins with a row"),
        Event::Row { p, .. } => Look::at(participant(p), MarkKind::Rows, "holds a row"),
        Event::Began { tx, by } => Look::at(Lane::Clients, MarkKind::Client, "begin")
            .with(Arrow::Out, Lane::of(by))
            .and(Began(tx, by)),
        Event::Enlisted { p, .. } => {
            Look::at(participant(p), MarkKind::Client, "enlisted").with(Arrow::In, Lane::Clients)
        }
        Event::AskedCommit { .. } => {
            Look::at(Lane::Clients, MarkKind::Client, "commit!").with(Arrow::Out, home_lane)
        }
        Event::Answered { told: what, .. } => {
            Look::at(Lane::Clients, MarkKind::Client, told(what)).with(Arrow::In, home_lane)
        }
        Event::Left { .. } => Look::at(Lane::Clients, MarkKind::GaveUp, "waits no longer"),
        Event::Status { told: what, .. } => {
            Look::at(Lane::Clients, MarkKind::Client, format!("by gid {}", told(what)))
                .with(Arrow::In, home_lane)
        }
        Event::Voted { tx, p, vote } => {
            let does = Does(Act { tx, p, ask: Ask::Prepare });
            match vote {
                VoteKind::Yes => Look::at(participant(p), MarkKind::Yes, "yes").and(Opens(of(
                    BarKind::Prepared,
                    participant(p),
                    tx,
                ))),
                VoteKind::ReadOnly => Look::at(participant(p), MarkKind::Yes, "read-only"),
                VoteKind::No => Look::at(participant(p), MarkKind::No, "no"),
            }
            .and(does)
        }
        Event::Ended { tx, p, committed, one_phase, by_recovery } => {
            let (kind, short) = ended(committed);
            Look::at(participant(p), kind, short)
                .and(Closes(of(BarKind::Prepared, participant(p), tx)))
                .and(Does(Act { tx, p, ask: asked(committed, one_phase, by_recovery) }))
        }
        Event::Expired { p, .. } => Look::at(participant(p), MarkKind::GaveUp, "session expired"),
        Event::OperatorEnded { tx, p, committed } => {
            let short = format!("OPERATOR: {}", ended(committed).1);
            Look::at(participant(p), MarkKind::Stranger, short).and(Closes(of(
                BarKind::Prepared,
                participant(p),
                tx,
            )))
        }
        Event::Forgot { p } => Look::at(participant(p), MarkKind::Fault, "loses its evidence"),
        Event::Untold { p, .. } => {
            Look::at(participant(p), MarkKind::Fault, "will not tell how it ended")
        }
        Event::SessionsEnded { p } => {
            Look::at(participant(p), MarkKind::Stranger, "OPERATOR: ends all sessions")
        }
        Event::ForgotUnprepared { p } => {
            Look::at(participant(p), MarkKind::Fault, "loses track of the unprepared")
        }
        Event::StandbyCutOff { p } => {
            Look::at(participant(p), MarkKind::Fault, "its standby is cut off")
                .and(Opens(span(BarKind::Stale, participant(p))))
        }
        Event::FailedOver { p } => Look::at(participant(p), MarkKind::Fault, "FAILED OVER")
            .and(Closes(span(BarKind::Stale, participant(p)))),
        Event::Trespassed { tx, p } => Look::at(
            participant(p),
            MarkKind::Stranger,
            "RIVAL ends the branch",
        )
        .and(Closes(of(BarKind::Prepared, participant(p), tx))),
        Event::RivalStarted => Look::everywhere(MarkKind::Stranger, "a rival comes up"),
        Event::Acknowledged { .. } => {
            Look::at(home_lane, MarkKind::Stranger, "operator acknowledges")
        }
        Event::HeuristicReported { p, .. } => Look::at(
            home_lane,
            MarkKind::Stranger,
            format!("alarm: participant-{p} ended otherwise"),
        ),
        Event::Deciding { tx, .. } => Look::at(home_lane, MarkKind::Force, "force the decision")
            .with(Arrow::Out, Lane::Log)
            .and(Opens(forcing(tx, home_lane))),
        Event::Decided { tx } => Look::at(Lane::Log, MarkKind::Decision, "DECIDED to commit")
            .with(Arrow::Out, home_lane)
            .and(Closes(forcing(tx, home_lane)))
            .and(Opens(of(BarKind::Owed, Lane::Log, tx))),
        Event::ForceFailed { tx, fenced } => {
            let short = if fenced { "fenced" } else { "force failed: unknown" };
            Look::at(Lane::Log, MarkKind::Fault, short)
                .with(Arrow::Out, home_lane)
                .and(Closes(forcing(tx, home_lane)))
        }
        Event::Forgotten { tx, by } => Look::at(Lane::of(by), MarkKind::Log, "forget it")
            .with(Arrow::Out, Lane::Log)
            .and(Closes(of(BarKind::Owed, Lane::Log, tx))),
        Event::Opened { by, epoch, ref unfinished } => {
            let short = format!("opened: epoch {epoch}, {} owed", unfinished.len());
            Look::at(Lane::of(by), MarkKind::Log, short).with(Arrow::In, Lane::Log).and(Holds(
                BarKind::Owed,
                Lane::Log,
                unfinished.clone(),
            ))
        }
        Event::OpenFailed { by, .. } => {
            Look::at(Lane::of(by), MarkKind::Fault, "could not open").with(Arrow::Failed, Lane::Log)
        }
        Event::Asked { tx, p, by, ask } => Look::at(Lane::of(by), MarkKind::Message, words(ask))
            .with(Arrow::None, participant(p))
            .and(Asks(Call { tx, p, by, ask })),
        Event::Heard { tx, p, by, ask, heard } => {
            Look::at(Lane::of(by), MarkKind::Message, heard.to_string())
                .with(Arrow::None, participant(p))
                .and(Hears(Call { tx, p, by, ask }, heard))
        }
        Event::GaveUp { tx, p, by, ask } => {
            Look::at(Lane::of(by), MarkKind::GaveUp, format!("gives up: {}", words(ask)))
                .with(Arrow::None, participant(p))
                .and(GivesUp(Call { tx, p, by, ask }))
        }
        Event::LogRead { by, reading, .. } => {
            Look::at(Lane::of(by), MarkKind::Log, format!("log: {reading}"))
                .with(Arrow::In, Lane::Log)
        }
        Event::LogUnreadable { by } => {
            Look::at(Lane::of(by), MarkKind::Fault, "log unreadable").with(Arrow::Failed, Lane::Log)
        }
        Event::Swept { by, ref says, .. } => {
            let kind = if says.is_complete() { MarkKind::Repair } else { MarkKind::GaveUp };
            let short = if says.is_complete() { "swept: complete" } else { "swept: not complete" };
            Look::at(Lane::of(by), kind, short)
        }
        Event::LetGo { by, .. } => Look::at(Lane::of(by), MarkKind::Fault, "all handles DROPPED"),
        Event::DriverEnded { by, dropped: true, .. } => {
            Look::at(Lane::of(by), MarkKind::Fault, "driver DROPPED")
        }
        Event::DriverEnded { by, dropped: false, .. } => {
            Look::at(Lane::of(by), MarkKind::Repair, "driver ended")
        }
        Event::Found { p, ref prepared } => {
            let short = format!("finds {} prepared", prepared.len());
            Look::at(participant(p), MarkKind::Repair, short).and(Holds(
                BarKind::Prepared,
                participant(p),
                prepared.clone(),
            ))
        }
        Event::WriteFailed { place } => {
            Look::at(Lane::of(place), MarkKind::Fault, "a write FAILED")
        }
        Event::Crashed { place } => Look::at(Lane::of(place), MarkKind::Fault, "CRASHED")
            .and(Dies(place))
            .and(Closes(span(BarKind::Paused, Lane::of(place))))
            .and(Opens(span(BarKind::Down, Lane::of(place)))),
        Event::Started { place } => Look::at(Lane::of(place), MarkKind::Repair, "started")
            .and(Closes(span(BarKind::Down, Lane::of(place)))),
        Event::Cut { from, to } => {
            Look::at(Lane::of(from), MarkKind::Fault, format!("CUT to {to}"))
                .with(Arrow::None, Lane::of(to))
                .and(Opens(cut(from, to)))
        }
        Event::Mended { from, to } => {
            Look::at(Lane::of(from), MarkKind::Repair, format!("mended to {to}"))
                .with(Arrow::None, Lane::of(to))
                .and(Closes(cut(from, to)))
        }
        Event::TakenOver => Look::everywhere(MarkKind::Fault, "the lock is broken: a take-over"),
        Event::DiskFaulty { place, faulty: true } => {
            Look::at(Lane::of(place), MarkKind::Fault, "disk fails or hangs")
                .and(Opens(span(BarKind::Sick, Lane::of(place))))
        }
        Event::DiskFaulty { place, faulty: false } => {
            Look::at(Lane::of(place), MarkKind::Repair, "disk works")
                .and(Closes(span(BarKind::Sick, Lane::of(place))))
        }
        Event::Ails { place, ailment, ails } => {
            let bar = span(suffers(ailment), Lane::of(place));
            if ails {
                Look::at(Lane::of(place), MarkKind::Fault, ailment.to_string()).and(Opens(bar))
            } else {
                let short = format!("no longer: {ailment}");
                Look::at(Lane::of(place), MarkKind::Repair, short).and(Closes(bar))
            }
        }
        Event::OfService { ref what } => of_service(what),
        Event::Ordered { step, ref action } => {
            Look::everywhere(MarkKind::Run, format!("{step}. {action}"))
        }
        Event::Disagreed { .. } => Look::everywhere(MarkKind::Fault, "the worlds PART"),
        Event::Panicked { .. } => Look::everywhere(MarkKind::Fault, "PANIC"),
        Event::Healed => Look::everywhere(MarkKind::Run, "all faults end"),
        Event::Quiesced => Look::everywhere(MarkKind::Run, "everything rests"),
        Event::Overran => Look::everywhere(MarkKind::Fault, "the bound has PASSED"),
        Event::StillPrepared { p, .. } => {
            Look::at(participant(p), MarkKind::Fault, "still prepared")
        }
        Event::StillLocked { p, rows } => {
            Look::at(participant(p), MarkKind::Fault, format!("{rows} rows still locked"))
        }
        Event::StillUnfinished { .. } => Look::at(Lane::Log, MarkKind::Fault, "still owed"),
        Event::Foreign { p, .. } => Look::at(participant(p), MarkKind::Rows, "foreign branches"),
    }
}

/// How what happens around a service is drawn.
fn of_service(what: &ServiceEvent) -> Look {
    let participant = |p: u8| Lane::Participant(p);
    match *what {
        ServiceEvent::Serves { p, ref database } => {
            Look::at(participant(p), MarkKind::Repair, format!("serves {database}"))
        }
        ServiceEvent::Begins { by } => {
            Look::at(Lane::of(by), MarkKind::Client, "the service begins")
        }
        ServiceEvent::Says { by, ref line } => Look::at(Lane::of(by), MarkKind::Client, line),
        ServiceEvent::Returns { by, ref error } => {
            let short = if error.is_none() { "it returns" } else { "it returns an error" };
            Look::at(Lane::of(by), MarkKind::Client, short)
        }
        ServiceEvent::Commits { p, .. } => {
            Look::at(participant(p), MarkKind::Committed, "committed")
        }
        ServiceEvent::EndsWith { p, bytes, .. } => {
            Look::at(participant(p), MarkKind::Rows, format!("a log of {bytes} bytes"))
        }
        ServiceEvent::LooksInto { ref claim, broken: None } => {
            Look::everywhere(MarkKind::Run, format!("{claim} holds"))
        }
        ServiceEvent::LooksInto { ref claim, broken: Some(_) } => {
            Look::everywhere(MarkKind::Fault, format!("{claim} is BROKEN"))
        }
    }
}

const fn forcing(tx: Tx, home: Lane) -> Span {
    Span { kind: BarKind::Forcing, lane: Lane::Log, peer: Some(home), tx: Some(tx) }
}

const fn suffers(ailment: Ailment) -> BarKind {
    match ailment {
        Ailment::Paused => BarKind::Paused,
        Ailment::Slow | Ailment::Clock | Ailment::Slots => BarKind::Ailing,
    }
}

const fn cut(from: Place, to: Place) -> Span {
    Span { kind: BarKind::Cut, lane: Lane::of(from), peer: Some(Lane::of(to)), tx: None }
}
