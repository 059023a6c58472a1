//! A shipped machine, run once through everything that can be put to it, as a table.
//!
//! The machines are pure and, for a few branches, small. So their reachable states are
//! numbered once, those that behave alike are one, and the exploration then only looks steps up: a
//! machine in a state is two bytes. The same walk, taken in step with a renaming of the branches, gives what each state
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
    type Effects: Clone + Default + Ord;
    /// What the environment sees of a state beside the effects.
    type Seen: Ord;

    /// What people call it.
    const NAME: &'static str;

    /// Every input, for this many branches; its place in here is its number.
    fn alphabet(branches: usize) -> Vec<Self::Input>;
    fn handle(rules: &impl Rules, state: &mut Self::State, input: Self::Input) -> Self::Effects;
    fn seen(state: &Self::State) -> Self::Seen;
    fn rename_input(input: Self::Input, names: &[u8]) -> Self::Input;
    fn rename_effects(effects: &Self::Effects, names: &[u8]) -> Self::Effects;
}

/// A machine cannot be explored as a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untabulated {
    /// It has more states than an `Id` can number.
    #[error(
        "the {machine} machine has more than {} reachable states: explore fewer participants",
        Id::MAX
    )]
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
    /// For each state, a machine that is in it.
    pub(super) states: Vec<T::State>,
    /// The states that the machine was walked from.
    pub(super) starts: Vec<Id>,
    effects: Vec<T::Effects>,
    /// How many inputs there are.
    inputs: usize,
    steps: Vec<Step>,
    /// For each renaming, what each state becomes.
    renamed: Vec<Vec<Id>>,
}

impl<T: Tabulate> Automaton<T> {
    /// Walks the machine from these states under every input, and makes the `smallest` of it.
    pub(super) fn new(
        rules: &impl Rules,
        branches: usize,
        starts: &[T::State],
        smallest: bool,
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
        let inputs = alphabet.len();
        let starts = (0..starts.len()).map(|start| start as Id).collect();
        let walked = Self { states, starts, effects, inputs, steps, renamed: Vec::new() };
        Ok(if smallest { walked.smallest() } else { walked })
    }

    /// The smallest machine that does the same: states that no input can tell apart are one
    /// (Moore, "Gedanken-experiments on sequential machines", 1956). What only words an answer,
    /// such as why a transaction was aborted, does not survive it.
    fn smallest(self) -> Self {
        let classes_of = |keys: Vec<Vec<Id>>| {
            let mut known = BTreeMap::new();
            let ids: Vec<Id> = keys
                .into_iter()
                .map(|key| {
                    let next = known.len() as Id;
                    *known.entry(key).or_insert(next)
                })
                .collect();
            (ids, known.len())
        };
        let mut seen = BTreeMap::new();
        let first = self.states.iter().map(|state| {
            let next = seen.len() as Id;
            vec![*seen.entry(T::seen(state)).or_insert(next)]
        });
        let (mut class, mut count) = classes_of(first.collect());
        loop {
            let key = |state: usize| {
                let steps = &self.steps[state * self.inputs..(state + 1) * self.inputs];
                let step = |step: &Step| [class[usize::from(step.next)], step.effects];
                std::iter::once(class[state]).chain(steps.iter().flat_map(step)).collect()
            };
            let (finer, finer_count) = classes_of((0..self.states.len()).map(key).collect());
            let done = finer_count == count;
            (class, count) = (finer, finer_count);
            if done {
                break;
            }
        }
        let mut small = Self {
            states: Vec::with_capacity(count),
            starts: self.starts.iter().map(|start| class[usize::from(*start)]).collect(),
            effects: self.effects,
            inputs: self.inputs,
            steps: Vec::new(),
            renamed: Vec::new(),
        };
        for (at, state) in self.states.into_iter().enumerate() {
            // Classes are numbered in the order in which they first appear.
            if usize::from(class[at]) == small.states.len() {
                small.states.push(state);
                let steps = &self.steps[at * self.inputs..(at + 1) * self.inputs];
                small.steps.extend(
                    steps.iter().map(|step| Step { next: class[usize::from(step.next)], ..*step }),
                );
            }
        }
        small
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

    /// The states from which these inputs have no effect but the `last`, whatever their order.
    pub(super) fn inert(&self, inputs: &[usize], last: &T::Effects) -> Vec<bool> {
        let mut inert = vec![true; self.states.len()];
        loop {
            let mut changed = false;
            for state in 0..self.states.len() {
                let harmless = |input: &usize| {
                    let (next, effects) = self.step(state as Id, *input);
                    effects == last || *effects == T::Effects::default() && inert[usize::from(next)]
                };
                if inert[state] && !inputs.iter().all(harmless) {
                    inert[state] = false;
                    changed = true;
                }
            }
            if !changed {
                return inert;
            }
        }
    }

    /// The states from which this input can still make a difference, now or later.
    pub(super) fn may_heed(&self, input: usize) -> Vec<bool> {
        let heeds = |state: usize| {
            let (next, effects) = self.step(state as Id, input);
            usize::from(next) != state || *effects != T::Effects::default()
        };
        let mut may: Vec<bool> = (0..self.states.len()).map(heeds).collect();
        loop {
            let mut changed = false;
            for state in 0..may.len() {
                let steps = &self.steps[state * self.inputs..(state + 1) * self.inputs];
                if !may[state] && steps.iter().any(|step| may[usize::from(step.next)]) {
                    may[state] = true;
                    changed = true;
                }
            }
            if !changed {
                return may;
            }
        }
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
