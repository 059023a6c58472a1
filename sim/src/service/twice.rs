//! Whether a run is the same run again.

use crate::history::{Entry, History};
use crate::scenario::Scenario;
use crate::world::Run;

/// Runs a scenario twice, one after the other.
///
/// # Errors
/// The two differ: where, and what to look for.
pub(super) fn same_again(
    scenario: &Scenario,
    run: impl Fn(&Scenario) -> Run,
) -> Result<Run, String> {
    let (one, other) = (run(scenario), run(scenario));
    if one.hash == other.hash {
        return Ok(one);
    }
    Err(format!(
        "seed {} gives another run the second time: the service, or a claim, is NOT DETERMINISTIC. Look \
         for the order of a HashMap or HashSet, for a counter or a cache that outlives a run, for a \
         random source of its own, for a `select!` that is not biased, and for real time, files, sockets and threads.\n{}",
        scenario.seed,
        parting(&one.history, &other.history)
    ))
}

/// Where two histories part.
fn parting(one: &History, other: &History) -> String {
    let (one, other) = (one.entries(), other.entries());
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    if same == one.len() && same == other.len() {
        return "The histories are the same, and what was sent when is not.".to_owned();
    }
    let line = |entry: Option<&Entry>| entry.map_or("nothing more".to_owned(), Entry::to_string);
    format!(
        "They are the same for {same} events, and then\n  the first has  {}\n  the second has {}",
        line(one.get(same)),
        line(other.get(same))
    )
}
