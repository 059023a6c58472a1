//! More bugs of the transaction's machine: in what it asks of its driver, beside requests and forces.
//!
//! In the table they are with the others.

use indoubt::protocol::{Effect, Input, Obstacle, Timer, TransactionEffects, TransactionMachine};
use indoubt_sim::explore::Rules;

type Machine = TransactionMachine;
type Effects = TransactionEffects;

/// Nobody says when the client has waited long enough for acknowledgements.
pub(crate) struct AcknowledgementsUntimed;

impl Rules for AcknowledgementsUntimed {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        effects.retain(|effect| *effect != Effect::StartTimer(Timer::Acknowledge));
    }
}

/// A commit that is refused for this is begun all the same.
pub(crate) struct RefusedIsBegun(pub(crate) Obstacle);

impl Rules for RefusedIsBegun {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        let refused = input == Input::CommitRefused(self.0);
        machine.handle(if refused { Input::Commit } else { input }, effects);
    }
}

/// A one-phase commit of which nobody can tell is let go, so that its abort is presumed.
pub(crate) struct UntoldIsPresumed;

impl Rules for UntoldIsPresumed {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        for effect in effects {
            if let Effect::Done { untold } = effect {
                *untold = false;
            }
        }
    }
}

/// Whoever asks by gid is told that it aborts while the votes are still to come.
pub(crate) struct AbortPresumedEarly;

impl Rules for AbortPresumedEarly {
    fn transaction(&self, machine: &mut Machine, input: Input, effects: &mut Effects) {
        machine.handle(input, effects);
        if effects.iter().any(|effect| matches!(effect, Effect::Prepare(_))) {
            effects.push(Effect::PresumeAbort);
        }
    }
}
