//! What every [`Participant`] owes, as a suite that any of them can be put to (feature `suite`, for
//! dev-dependencies).
//!
//! The obligations are those written at the trait's methods. Say in a [`Subject`] how a piece of work
//! is done at a branch and how one sees it, and [`check`] asks for all of them, one after the other,
//! on one participant:
//!
//! ```rs
//! #[tokio::test]
//! async fn it_keeps_what_a_participant_owes() {
//!     let report = indoubt::suite::check(&MyDatabase::start().await).await.unwrap();
//!     assert!(report.left_out.is_empty(), "{report}");
//! }
//! ```
//!
//! It is plain code of futures, so it runs on any runtime and inside a simulator. It injects no faults
//! of its own but those that a client can: calls that are dropped, processes that are gone, and, if the
//! subject can do it, a restart. What happens under other faults is the simulator's to find out.

mod dropped;
mod ends;
mod lists;
mod restarts;
mod subject;
mod trial;
mod votes;

use std::fmt;
use std::pin::Pin;

use crate::Participant;

pub use subject::{Failed, Subject};
use trial::Trial;

/// One obligation, asked of a subject.
type Obligation<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + 'a>>;

/// Asks a subject for everything that a participant owes.
///
/// # Errors
/// The first obligation that is not kept, or that could not be asked for.
pub async fn check<S: Subject>(subject: &S) -> Result<Report, Breach> {
    let trial = &Trial::new(subject);
    let obligations: Vec<(&'static str, Obligation<'_>)> = vec![
        ("a yes can be committed", Box::pin(votes::a_yes_can_be_committed(trial))),
        ("a yes can be rolled back", Box::pin(votes::a_yes_can_be_rolled_back(trial))),
        ("a no has ended the branch", Box::pin(votes::a_no_has_ended_the_branch(trial))),
        ("what only read holds nothing", Box::pin(votes::what_only_read_holds_nothing(trial))),
        ("one phase commits", Box::pin(votes::one_phase_commits(trial))),
        ("one phase refuses", Box::pin(votes::one_phase_refuses(trial))),
        ("a gid is enough", Box::pin(ends::a_gid_is_enough(trial))),
        ("an end that is there is found", Box::pin(ends::an_end_that_is_there_is_found(trial))),
        ("the other end is not taken for it", Box::pin(ends::the_other_end_is_not_it(trial))),
        ("an unknown gid", Box::pin(ends::an_unknown_gid(trial))),
        ("all of one's own are listed", Box::pin(lists::all_of_ones_own_are_listed(trial))),
        ("others are left alone", Box::pin(lists::others_are_left_alone(trial))),
        ("a dropped branch rolls back", Box::pin(dropped::a_dropped_branch_rolls_back(trial))),
        ("a late prepare is fenced", Box::pin(dropped::a_late_prepare_is_fenced(trial))),
        ("dropped calls can be made again", Box::pin(dropped::calls_can_be_made_again(trial))),
        ("what is prepared survives", Box::pin(restarts::what_is_prepared_survives(trial))),
        ("what has ended survives", Box::pin(restarts::what_has_ended_survives(trial))),
        ("what is not prepared does not", Box::pin(restarts::what_is_not_prepared(trial))),
    ];
    let mut report = Report { kept: Vec::new(), left_out: Vec::new() };
    for (name, obligation) in obligations {
        match obligation.await {
            Ok(()) => report.kept.push(name),
            Err(Broken::LeftOut(why)) => report.left_out.push((name, why)),
            Err(Broken::Because(what)) => return Err(Breach { obligation: name, what }),
        }
    }
    Ok(report)
}

/// What was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The obligations that were asked for and kept.
    pub kept: Vec<&'static str>,
    /// Those that this subject cannot be asked for, and why.
    pub left_out: Vec<(&'static str, &'static str)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} obligations kept", self.kept.len())?;
        self.left_out.iter().try_for_each(|(name, why)| write!(f, "; NOT ASKED FOR: {name}, {why}"))
    }
}

/// An obligation that is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{obligation}: {what}")]
pub struct Breach {
    /// Its name.
    pub obligation: &'static str,
    /// What happened instead.
    pub what: String,
}

/// Why an obligation does not count as kept.
#[derive(Debug)]
enum Broken {
    Because(String),
    LeftOut(&'static str),
}

impl<E: fmt::Display> From<E> for Broken {
    fn from(what: E) -> Self {
        Self::Because(what.to_string())
    }
}

/// A branch of a subject's participant.
type BranchOf<S> = <<S as Subject>::Participant as Participant>::Branch;
