//! The names of what must hold, and what each of them claims.

use std::fmt;

/// What must never be broken, in either world: on a simulated run, or in an explored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// No branch committed where another rolled back.
    Agreement,
    /// A decision and an outcome, once set, do not change.
    Stability,
    /// Decided only when every branch voted yes, or read-only.
    Validity,
    /// All yes, no fault, no timeout: committed.
    NonTriviality,
    /// What is waited for comes: a run ends within its bound, a machine has something to wait for.
    Termination,
    /// No branch commits before the decision is durable.
    DecisionBeforeEffect,
    /// What the client was told, or can be told by gid, is the truth.
    ClientTruth,
    /// A decision whose force returned, and a branch that committed, survive every crash.
    Durability,
    /// At rest nothing is prepared, open, locked, or owed by the log.
    NoOrphans,
    /// A coordinator resolves nothing that is not its own.
    Ownership,
    /// Whatever comes twice takes effect once.
    Idempotence,
    /// Rows add up, and a transaction's marker is everywhere or nowhere.
    Conservation,
    /// A decision is forgotten only when every branch has ended.
    SafeForgetting,
    /// Who was overruled by an operator is told, and nobody else.
    HeuristicsReported,
    /// What is waited for comes within what is promised for it, under whatever load.
    BoundedWait,
    /// What a coordinator says of what it did is so: what a sweep reports, why a client is refused.
    HonestReports,
    /// Where nothing fails, what is done is what the documentation says, and no more.
    StatedCost,
    /// A driver that ends by itself has ended what was begun.
    Drained,
    /// No part of a run panics.
    NoPanic,
    /// A run does what the explorer has after the same order of events, or, if it is followed, what
    /// the explorer allows.
    AsExplored,
    /// One that somebody claims beside these, of a run: its name, and what it claims.
    Own(&'static str, &'static str),
}

impl Invariant {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Stability => "stability",
            Self::Validity => "validity",
            Self::NonTriviality => "non_triviality",
            Self::Termination => "termination",
            Self::DecisionBeforeEffect => "decision_before_effect",
            Self::ClientTruth => "client_truth",
            Self::Durability => "durability",
            Self::NoOrphans => "no_orphans",
            Self::Ownership => "ownership",
            Self::Idempotence => "idempotence",
            Self::Conservation => "conservation",
            Self::SafeForgetting => "safe_forgetting",
            Self::HeuristicsReported => "heuristics_reported",
            Self::BoundedWait => "bounded_wait",
            Self::HonestReports => "honest_reports",
            Self::StatedCost => "stated_cost",
            Self::Drained => "drained",
            Self::NoPanic => "no_panic",
            Self::AsExplored => "as_explored",
            Self::Own(name, _) => name,
        }
    }

    /// What it claims, in a sentence.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Agreement => "no branch commits, or is decided to, where another rolls back",
            Self::Stability => "a decision and an outcome do not change",
            Self::Validity => "a commit is decided only when every branch has voted for it",
            Self::NonTriviality => "what nothing disturbs and nobody votes against commits",
            Self::Termination => "whatever is waited for can still come, and comes in time",
            Self::DecisionBeforeEffect => "no branch commits before the decision is durable",
            Self::ClientTruth => "what the client is told, or would be on asking by gid, is true",
            Self::Durability => "a decision whose force returned stays, and so does a commit",
            Self::NoOrphans => "recovery leaves nothing prepared and nothing owed",
            Self::Ownership => "a coordinator resolves nothing of a newer epoch or another owner",
            Self::Idempotence => "a branch takes effect once",
            Self::Conservation => "rows add up, and each transaction is everywhere or nowhere",
            Self::SafeForgetting => "a decision is forgotten only when every branch has ended",
            Self::HeuristicsReported => "who was overruled is told, and nobody else",
            Self::BoundedWait => "what is waited for comes within what is promised for it",
            Self::HonestReports => "what a sweep reports is so, and so is why a client is refused",
            Self::StatedCost => "where nothing fails no more is forced or asked than is stated",
            Self::Drained => "a driver that ends by itself has ended what was begun",
            Self::NoPanic => "no part of a run panics",
            Self::AsExplored => "what happens is what the explorer has, or allows",
            Self::Own(_, claim) => claim,
        }
    }

    /// Every one of ours.
    pub const ALL: [Self; 20] = [
        Self::Agreement,
        Self::Stability,
        Self::Validity,
        Self::NonTriviality,
        Self::Termination,
        Self::DecisionBeforeEffect,
        Self::ClientTruth,
        Self::Durability,
        Self::NoOrphans,
        Self::Ownership,
        Self::Idempotence,
        Self::Conservation,
        Self::SafeForgetting,
        Self::HeuristicsReported,
        Self::BoundedWait,
        Self::HonestReports,
        Self::StatedCost,
        Self::Drained,
        Self::NoPanic,
        Self::AsExplored,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
