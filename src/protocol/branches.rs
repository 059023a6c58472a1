//! Branches of one transaction as dense indices, and sets of them as one word.
//!
//! The machines keep all they know of a transaction's branches in a few of these words,
//! which is what makes a state small and cheap to compare.

use std::fmt;

/// How many branches one transaction can have.
pub const MAX_BRANCHES: usize = 64;

/// One branch of a transaction, counted from 0 in the order of enlisting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchId(u8);

impl BranchId {
    /// The branch with this index, if it is below [`MAX_BRANCHES`].
    pub const fn new(index: u8) -> Option<Self> {
        if (index as usize) < MAX_BRANCHES { Some(Self(index)) } else { None }
    }

    /// The branch's index.
    pub const fn index(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for BranchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A set of branches of one transaction.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchSet(u64);

impl BranchSet {
    /// No branch.
    pub const EMPTY: Self = Self(0);

    /// The set of this branch alone.
    pub const fn only(branch: BranchId) -> Self {
        Self(1 << branch.0)
    }

    /// Adds a branch.
    pub const fn insert(&mut self, branch: BranchId) {
        self.0 |= 1 << branch.0;
    }

    /// Whether the branch is in the set.
    pub const fn contains(self, branch: BranchId) -> bool {
        self.0 & (1 << branch.0) != 0
    }

    /// What is in either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every branch of this set is in the other.
    pub const fn is_within(self, other: Self) -> bool {
        self.minus(other).is_empty()
    }

    /// Whether there is no branch in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many branches are in it.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The branches in ascending order.
    pub fn iter(self) -> impl Iterator<Item = BranchId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let index = rest.trailing_zeros();
            rest &= rest - 1;
            u8::try_from(index).ok().map(BranchId)
        })
    }
}

impl FromIterator<BranchId> for BranchSet {
    fn from_iter<I: IntoIterator<Item = BranchId>>(branches: I) -> Self {
        let mut set = Self::EMPTY;
        for branch in branches {
            set.insert(branch);
        }
        set
    }
}

impl fmt::Debug for BranchSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
