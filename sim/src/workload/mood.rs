//! What a client is in the mood for beside asking and waiting, transaction by transaction.
//!
//! Drawn from a stream of the transaction's number, as its plan is, and always as many words:
//! so a habit that is taken away shifts nothing else.

use std::time::Duration;

use crate::draw::Draw;
use crate::scenario::{Habits, Scenario};

/// The first stream of the moods.
const STREAM: u64 = 6 << 48;

/// How long something is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    UpTo(Duration),
    ToTheEnd,
}

/// For one transaction.
pub(super) struct Mood {
    /// The first call for a branch is given up after this.
    pub(super) hasty: Option<Duration>,
    /// The answer is waited for no longer than this.
    pub(super) leaves: Option<Duration>,
    /// Somebody asks by gid meanwhile.
    pub(super) asks: bool,
    /// Somebody has recovery sweep.
    pub(super) sweeps: Option<Patience>,
    /// Of pauses; only of whoever asks.
    draw: Option<Draw>,
}

impl Mood {
    pub(super) fn of(scenario: &Scenario, number: u32) -> Self {
        if scenario.habits == Habits::default() {
            return Self { hasty: None, leaves: None, asks: false, sweeps: None, draw: None };
        }
        let mut draw = Draw::new(scenario.seed, STREAM + u64::from(number));
        let Habits { hasty_permille, leave_permille, ask_permille, sweep_permille, .. } =
            scenario.habits;
        // Some are gone before anything has come back, some wait nearly to the end.
        let deadline = Duration::from_millis(scenario.deadline_ms);
        let mut up_to = |permille: u16, longest: Duration| {
            let (is, patience) = (draw.permille(permille), draw.between(Duration::ZERO, longest));
            is.then_some(patience)
        };
        let hasty = up_to(hasty_permille, Duration::from_millis(4));
        let leaves = up_to(leave_permille, deadline / 8);
        let sweeps = up_to(sweep_permille, deadline / 8).map(|patience| {
            let is_short = patience < deadline / 16;
            if is_short { Patience::UpTo(patience) } else { Patience::ToTheEnd }
        });
        let asks = draw.permille(ask_permille);
        Self { hasty, leaves, asks, sweeps, draw: Some(draw) }
    }

    /// Until somebody asks again.
    pub(super) fn pause(&mut self) -> Duration {
        let longest = Duration::from_millis(12);
        self.draw.as_mut().map_or(longest, |draw| draw.between(Duration::ZERO, longest))
    }
}
