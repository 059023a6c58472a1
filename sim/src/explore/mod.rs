//! x
mod automaton;
mod machines;
mod rules;
pub use rules::*;
#[test]
fn sizes() {
    for n in 1..=3 {
        let t = automaton::Automaton::new(&machines::Transactions(&Shipped), "t", n, &[machines::enlisted(&Shipped, n)]);
        let r = automaton::Automaton::new(&machines::Recoveries(&Shipped), "r", n, &machines::found(n));
        eprintln!("{n} {:?} {:?}", t.map(|a| a.states.len()), r.map(|a| a.states.len()));
    }
}
