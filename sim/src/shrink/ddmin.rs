//! Delta debugging: as few of some things as still do it (Zeller and Hildebrandt, "Simplifying and
//! Isolating Failure-Inducing Input", 2002).

/// As few of these, in their order, as still do it. All of them do; whether some do is asked, of
/// none first, then without one half, then without smaller and smaller parts.
///
/// None of what is left can be left out alone.
pub fn ddmin<T: Clone>(all: &[T], mut still: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = all.to_vec();
    let mut size = left.len();
    while size > 0 && !left.is_empty() {
        let before = left.len();
        let mut at = 0;
        while at < left.len() {
            let end = left.len().min(at + size);
            let without = [&left[..at], &left[end..]].concat();
            if still(&without) {
                left = without;
            } else {
                at = end;
            }
        }
        let again = size == 1 && left.len() < before;
        size = if again { 1 } else { size / 2 };
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of so many, and how often was asked, if these are what does it.
    fn of(count: u32, needed: &[u32]) -> (Vec<u32>, usize) {
        let all: Vec<u32> = (0..count).collect();
        let mut asked = 0;
        let left = ddmin(&all, |some| {
            asked += 1;
            needed.iter().all(|one| some.contains(one))
        });
        (left, asked)
    }

    #[test]
    fn what_is_needed_is_left_and_nothing_else() {
        for needed in [&[][..], &[0], &[99], &[41], &[0, 99], &[7, 8, 9, 60], &[3, 33, 66, 67]] {
            assert_eq!(of(100, needed).0, needed);
        }
        assert_eq!(of(1, &[0]).0, [0]);
        assert_eq!(of(0, &[]), (Vec::new(), 0));
    }

    #[test]
    fn little_is_asked_where_little_is_needed() {
        assert_eq!(of(1_000, &[]).1, 1);
        assert!(of(1_000, &[500]).1 < 40);
        assert!(of(1_000, &[3, 500, 900]).1 < 100);
    }

    /// Two that do it only together, or not at all: one alone can never be left out.
    #[test]
    fn what_goes_only_together_is_left_as_long_as_no_part_holds_both() {
        let whole = |some: &[u32]| some.contains(&4) == some.contains(&5) && some.contains(&1);
        assert_eq!(ddmin(&[1, 2, 3, 4, 5, 6], whole), [1]);
        assert_eq!(ddmin(&[1, 4, 5, 6], whole), [1, 4, 5]);
    }

    /// One that can only go after a later one has.
    #[test]
    fn what_became_needless_goes_too() {
        let still = |some: &[u32]| some.contains(&9) && (!some.contains(&8) || some.contains(&1));
        assert_eq!(ddmin(&[1, 8, 9], still), [9]);
    }
}
