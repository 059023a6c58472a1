//! A shipped machine, run once through everything that can be put to it, as a table.
//!
//! The machines are pure and, for a few branches, small. So their reachable states are
//! numbered once and the exploration then only looks steps up: a machine in a state is two
//! bytes. The same walk, taken in step with a renaming of the branches, gives what each state
//! becomes under it, and *checks* that the machine treats all branches alike, which is what
//! symmetry over participants rests on. What a machine means is absent: it is called, not
//! described.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::rules::Rules;

/// A machine in a state, by number.
pub(super) type Id = u16;

/// A machine to be tabulated, with an alphabet of inputs.
pub(super) trait Tabulate {
    type State: Clone + Ord;
    type Input: Copy + PartialEq;
    type Effects: Clone + Ord;

    /// What people call it.
    const NAME: &'static str;

    /// Every input, for this many branches; its place in here is its number.
    fn alphabet(branches: usize) -> Vec<Self::Input>;
    fn handle(rules: &impl Rules, state: &mut Self::State, input: Self::Input) -> Self::Effects;
    fn rename_input(input: Self::Input, names: &[u8]) -> Self::Input;
    fn rename_effects(effects: &Self::Effects, names: &[u8]) -> Self::Effects;
}

/// A machine cannot be explored as a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untabulated {
    /// It has more states than an [`Id`] can number.
    #[error("the {machine} machine has more than {} reachable states: explore fewer participants", Id::MAX)]
    TooLarge {
        /// Which machine.
        machine: &'static str,
    },
    /// It does not treat its branches alike, so symmetry would hide states.
    #[error("the {machine} machine does not treat its branches alike: explore without symmetry")]
    Asymmetric {
        /// Which machine.
        machine: &'static str,
    },
}

#[derive(Clone, Copy)]
struct Step {
    next: Id,
    effects: Id,
}

/// A machine as a table.
pub(super) struct Automaton<T: Tabulate> {
    pub(super) states: Vec<T::State>,
    effects: Vec<T::Effects>,
    /// How many inputs there are.
    inputs: usize,
    steps: Vec<Step>,
    /// For each renaming, what each state becomes.
    renamed: Vec<Vec<Id>>,
}

impl<T: Tabulate> Automaton<T> {
    /// Walks the machine from these states under every input.
    pub(super) fn new(
        rules: &impl Rules,
        branches: usize,
        starts: &[T::State],
    ) -> Result<Self, Untabulated> {
        let alphabet = T::alphabet(branches);
        let too_large = |_| Untabulated::TooLarge { machine: T::NAME };
        let mut states: Vec<T::State> = Vec::new();
        let mut ids: BTreeMap<T::State, Id> = BTreeMap::new();
        let mut effects: Vec<T::Effects> = Vec::new();
        let mut effect_ids: BTreeMap<T::Effects, Id> = BTreeMap::new();
        for start in starts {
            let id = Id::try_from(states.len()).map_err(too_large)?;
            ids.insert(start.clone(), id);
            states.push(start.clone());
        }
        let mut steps = Vec::new();
        let mut at = 0;
        while at < states.len() {
            for input in &alphabet {
                let mut state = states[at].clone();
                let done = T::handle(rules, &mut state, *input);
                let next = match ids.entry(state) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        let id = Id::try_from(states.len()).map_err(too_large)?;
                        states.push(new.key().clone());
                        *new.insert(id)
                    }
                };
                let effects = match effect_ids.entry(done) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        let id = Id::try_from(effects.len()).map_err(too_large)?;
                        effects.push(new.key().clone());
                        *new.insert(id)
                    }
                };
                steps.push(Step { next, effects });
            }
            at += 1;
        }
        Ok(Self { states, effects, inputs: alphabet.len(), steps, renamed: Vec::new() })
    }

    /// The state after this input, and what the machine then wants done.
    pub(super) fn step(&self, state: Id, input: usize) -> (Id, &T::Effects) {
        let step = self.steps[usize::from(state) * self.inputs + input];
        (step.next, &self.effects[usize::from(step.effects)])
    }

    /// What a state becomes under the renaming of this number.
    pub(super) fn rename(&self, renaming: usize, state: Id) -> Id {
        self.renamed[renaming][usize::from(state)]
    }

    /// Learns one more renaming: `starts` pairs each start with what it becomes.
    pub(super) fn learn(
        &mut self,
        branches: usize,
        names: &[u8],
        starts: &[(Id, Id)],
    ) -> Result<(), Untabulated> {
        let asymmetric = Untabulated::Asymmetric { machine: T::NAME };
        let alphabet = T::alphabet(branches);
        let inputs: Option<Vec<usize>> = alphabet
            .iter()
            .map(|input| {
                let renamed = T::rename_input(*input, names);
                alphabet.iter().position(|other| *other == renamed)
            })
            .collect();
        let inputs = inputs.ok_or(asymmetric.clone())?;
        let mut renamed: Vec<Option<Id>> = vec![None; self.states.len()];
        let mut pending = starts.to_vec();
        while let Some((state, image)) = pending.pop() {
            match renamed[usize::from(state)] {
                Some(known) if known == image => continue,
                Some(_) => return Err(asymmetric),
                None => renamed[usize::from(state)] = Some(image),
            }
            for (input, renamed_input) in inputs.iter().enumerate() {
                let (next, effects) = self.step(state, input);
                let (next_image, effects_image) = self.step(image, *renamed_input);
                if T::rename_effects(effects, names) != *effects_image {
                    return Err(asymmetric);
                }
                pending.push((next, next_image));
            }
        }
        self.renamed.push(renamed.into_iter().collect::<Option<_>>().ok_or(asymmetric)?);
        Ok(())
    }
}
