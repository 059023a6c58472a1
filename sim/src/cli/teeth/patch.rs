//! A bug, as a patch of what ships: where it is from, what is broken, how it is found, and the diff.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use serde::Deserialize;

use super::super::{Family, Participants};

/// Where they are, in the repository.
pub(super) const FOLDER: &str = "tests/planted/patches";

/// Where the diff begins, and what is known of the bug ends.
const DIFF: &str = "\ndiff --git ";

/// A bug to plant.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) known: Known,
}

/// What stands before the diff.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// Who shipped it, as `bugs` are called there; or that it is a classic.
    pub(super) source: String,
    /// What goes wrong.
    pub(super) broken: String,
    /// How it is to be found.
    pub(super) find: Way,
    /// Why it is not found, if it is not: what the harness lacks, or what else in the code stands
    /// before it.
    #[serde(default)]
    pub(super) hole: Option<String>,
}

/// A way to find a bug.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Way {
    /// Many seeds.
    Fuzz {
        #[serde(default = "simulated")]
        participants: Participants,
        #[serde(default = "swarm")]
        family: Family,
    },
    /// Every interleaving of a small system.
    Explore { transactions: u8, participants: u8, coordinators: u8, faults: u8 },
}

const fn simulated() -> Participants {
    Participants::Simulated
}

const fn swarm() -> Family {
    Family::Swarm
}

/// A patch that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatchError {
    #[error("{path} cannot be read: {error}")]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{path}: there is no diff in it, or nothing before it")]
    NoDiff { path: PathBuf },
    #[error("{path}: what stands before its diff cannot be read: {error}")]
    Unknown { path: PathBuf, error: toml::de::Error },
    #[error("git is needed to apply patches, and cannot be run: {0}")]
    NoGit(std::io::Error),
    #[error("{name} does not apply any more: mend the patch. git says: {complaint}")]
    Rotten { name: String, complaint: String },
}

impl Patch {
    /// All of a repository, by name.
    pub(super) fn all(root: &Path) -> Result<Vec<Self>, PatchError> {
        let folder = root.join(FOLDER);
        let unreadable = |error| PatchError::Unreadable { path: folder.clone(), error };
        let mut patches = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                patches.push(Self::read(path)?);
            }
        }
        patches.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(patches)
    }

    fn read(path: PathBuf) -> Result<Self, PatchError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(PatchError::Unreadable { path, error }),
        };
        let Some((head, _)) = text.split_once(DIFF) else {
            return Err(PatchError::NoDiff { path });
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match toml::from_str(head) {
            Ok(known) => Ok(Self { name, path, known }),
            Err(error) => Err(PatchError::Unknown { path, error }),
        }
    }

    /// Applies it to the tree in this folder; with `only_check`, sees whether it could be.
    pub(super) fn apply(&self, tree: &Path, only_check: bool) -> Result<(), PatchError> {
        let mut git = Command::new("git");
        // The tree by itself: in a folder of some repository, git would leave out what it tracks
        // elsewhere, and succeed.
        git.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree)).current_dir(tree);
        git.arg("apply").args(only_check.then_some("--check")).arg(&self.path);
        let output = git.output().map_err(PatchError::NoGit)?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() && complaint.is_empty() {
            return Ok(());
        }
        Err(PatchError::Rotten { name: self.name.clone(), complaint })
    }
}

impl Way {
    /// Which command searches so.
    pub(super) const fn verb(&self) -> &'static str {
        match self {
            Self::Fuzz { .. } => "fuzz",
            Self::Explore { .. } => "explore",
        }
    }

    /// As the table says it.
    pub(super) fn text(&self) -> String {
        [vec![self.verb().to_owned()], self.args()].concat().join(" ")
    }

    /// What the command is given beside how long to search.
    pub(super) fn args(&self) -> Vec<String> {
        match self {
            Self::Fuzz { participants, family } => {
                let named = |name: &str, value: String| [format!("--{name}"), value];
                let mut args = Vec::new();
                if *participants != simulated() {
                    args.extend(named("participants", value(participants)));
                }
                if *family != swarm() {
                    args.extend(named("family", value(family)));
                }
                args
            }
            Self::Explore { transactions, participants, coordinators, faults } => [
                ("--transactions", transactions),
                ("--participants", participants),
                ("--coordinators", coordinators),
                ("--faults", faults),
            ]
            .iter()
            .flat_map(|(name, count)| [(*name).to_owned(), count.to_string()])
            .collect(),
        }
    }
}

/// A value as the command line has it.
fn value(of: &impl ValueEnum) -> String {
    of.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
