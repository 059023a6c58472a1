//! The names of a log's files: `decisions.EPOCH`, and the temporary beside it.
//!
//! The epoch is in the name and nowhere else, because creating a name is atomic: whoever
//! creates `decisions.7` has epoch 7, and whoever sees it knows that epoch 6 is over.

use std::collections::BTreeSet;

const STEM: &str = "decisions.";
const TEMPORARY: &str = ".tmp";

/// The file of this epoch's decisions.
pub(super) fn decisions(epoch: u64) -> String {
    format!("{STEM}{epoch}")
}

/// What that file is written as before it replaces one of its name. There are many, so that
/// two processes need never write to the same one.
pub(super) fn temporary(epoch: u64, number: u64) -> String {
    format!("{STEM}{epoch}{TEMPORARY}{number}")
}

/// The epochs whose files are among these names.
pub(super) fn epochs(names: &[String]) -> BTreeSet<u64> {
    names.iter().filter_map(|name| epoch(name)).collect()
}

/// Whether the name is a temporary's.
pub(super) fn is_temporary(name: &str) -> bool {
    name.rsplit_once(TEMPORARY)
        .is_some_and(|(name, number)| epoch(name).is_some() && number.parse::<u64>().is_ok())
}

/// Strict: a file that an operator copied or renamed is none of ours.
fn epoch(name: &str) -> Option<u64> {
    let epoch = name.strip_prefix(STEM)?.parse().ok()?;
    (decisions(epoch) == name).then_some(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_count() {
        let names = [
            "decisions.0",
            "decisions.12",
            "decisions.012",
            "decisions.3.tmp",
            "decisions.4~",
            "LOCK",
            "decisions.",
        ];
        assert_eq!(epochs(&names.map(str::to_owned)), BTreeSet::from([0, 12]));
        assert!(is_temporary(&temporary(3, 1)));
        assert!(
            !is_temporary("decisions.tmp0")
                && !is_temporary("decisions.3.tmp")
                && !is_temporary("decisions.3")
        );
    }
}
