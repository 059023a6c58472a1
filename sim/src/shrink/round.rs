//! Numbers as people choose them.

use super::Search;
use crate::scenario::Scenario;

/// The smaller numbers that are tried for one, in order: the least, those of 1, 2 and 5 with zeros,
/// and itself with one digit or two that are not zero.
fn smaller(value: u64, least: u64) -> Vec<u64> {
    let tens = || (0..=value.checked_ilog10().unwrap_or(0)).map(|digits| 10_u64.pow(digits));
    let round = tens().flat_map(|ten| [1, 2, 5].map(|digit| ten.saturating_mul(digit)));
    let cut = tens().rev().take(2).map(|ten| value / ten * ten);
    let mut all: Vec<u64> = round.chain(cut).chain([least]).collect();
    all.retain(|one| (least..value).contains(one));
    all.sort_unstable();
    all.dedup();
    all
}

/// Makes a number of the scenario as small as goes, the least first, among round ones.
pub(super) fn lower(
    search: &mut Search<'_, Scenario>,
    value: impl Into<u64>,
    least: u64,
    set: impl Fn(&mut Scenario, u64),
) {
    let steps = smaller(value.into(), least);
    let (mut at, mut low, mut high) = (0, 0, steps.len());
    while low < high {
        if search.with(|scenario| set(scenario, steps[at])) {
            high = at;
        } else {
            low = at + 1;
        }
        at = low + (high.saturating_sub(low)) / 2;
    }
}

/// The number, as a smaller type has it. All that is set here comes from one of it.
pub(super) fn narrow<T: TryFrom<u64> + Default>(value: u64) -> T {
    T::try_from(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_numbers_are_round_and_less() {
        assert_eq!(smaller(2_417, 100), [100, 200, 500, 1_000, 2_000, 2_400]);
        assert_eq!(smaller(7, 1), [1, 2, 5]);
        assert!(smaller(1, 1).is_empty());
        assert_eq!(smaller(3, 0), [0, 1, 2]);
        assert!(smaller(0, 0).is_empty());
    }
}
