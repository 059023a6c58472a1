//! The patches and the table as they are committed, without building anything: what has rotted is seen
//! at every test, and not only at night.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;

use super::super::{Cli, Command};
use super::patch::Patch;
use super::table::Table;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn patches() -> Vec<Patch> {
    let patches = Patch::all(root()).unwrap_or_else(|error| panic!("{error}"));
    assert!(!patches.is_empty(), "no patch was read");
    patches
}

#[test]
fn every_patch_still_applies() {
    let applied = patches().iter().map(|patch| patch.apply(root(), true)).collect::<Vec<_>>();
    let rotten: Vec<_> =
        applied.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert!(rotten.is_empty(), "{}", rotten.join("\n"));
}

#[test]
fn what_is_no_patch_of_this_tree_does_not_apply() {
    let other = root().join("tests");
    for patch in patches() {
        assert!(patch.apply(&other, true).is_err(), "{} applies to anything", patch.name);
    }
}

/// What a patch says is looked for is what the command line knows.
#[test]
fn every_way_to_find_one_can_be_gone() {
    for patch in patches() {
        let find = &patch.known.find;
        let args = [vec!["indoubt-sim".to_owned(), find.verb().to_owned()], find.args()];
        let parsed = Cli::try_parse_from(args.concat());
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", patch.name));
        assert!(matches!(parsed.command, Command::Fuzz(_) | Command::Explore(_)), "{}", patch.name);
    }
}

#[test]
fn the_table_has_every_patch_and_no_other() {
    let table = Table::read(root()).unwrap_or_else(|error| panic!("{error}"));
    let named: BTreeSet<_> = patches().into_iter().map(|patch| patch.name).collect();
    let listed: BTreeSet<_> = table.0.keys().cloned().collect();
    assert_eq!(named, listed, "cargo sim teeth NAME --write adds one");
}

#[test]
fn what_is_not_caught_says_why_and_nothing_else_does() {
    let table = Table::read(root()).unwrap_or_else(|error| panic!("{error}"));
    for patch in patches() {
        let Some(row) = table.0.get(&patch.name) else { continue };
        assert_eq!(row.is_caught(), patch.known.hole.is_none(), "{}", patch.name);
    }
}
