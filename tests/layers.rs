//! The house stands on what lies below: no folder of a crate uses one that uses it.
//!
//! It reads the `use` lines, and every other path that begins with `crate` or `super`. A file beside
//! `lib.rs` counts as a folder of its own; what a module re-exports of its own children does not
//! count, nor do visibilities and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path from the crate's root.
type Module = Vec<String>;

/// Files by module.
fn modules(root: &Path) -> BTreeMap<Module, PathBuf> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of this repository") {
            let path = entry.expect("it is readable").path();
            let below = path.strip_prefix(root).expect("it is below").with_extension("");
            let mut module: Module =
                below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.iter().any(|part| part == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
                modules.insert(module, path);
            }
        }
    }
    modules
}

/// Every path that begins with `crate` or `super`, lists in braces spread out.
fn paths(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let (before, visibility) = (&code[..at], code[..at].ends_with("(in "));
            let inside = before.ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if !inside && !visibility {
                spread("", &code[at..], &mut found);
            }
        }
    }
    found
}

/// The paths at the head of this text. Gives how much of it they take.
fn spread(prefix: &str, text: &str, found: &mut Vec<String>) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !(path.ends_with("::") && text[end..].starts_with('{')) {
        found.push(path);
        return end;
    }
    let mut at = end + 1;
    while let Some(next) = text[at..].chars().next() {
        match next {
            '}' => return at + 1,
            next if word(next) => at += spread(&path, &text[at..], found),
            next => at += next.len_utf8(),
        }
    }
    at
}

/// The module that a path in another one leads to.
fn target(from: &Module, path: &str, modules: &BTreeMap<Module, PathBuf>) -> Module {
    let mut parts = path.split("::").filter(|part| !part.is_empty()).peekable();
    let mut at = Module::new();
    if parts.next_if_eq(&"crate").is_none() {
        at.clone_from(from);
        while parts.next_if_eq(&"super").is_some() {
            at.pop();
        }
    }
    for part in parts {
        at.push(part.to_owned());
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
    }
    at
}

/// The folder of a module; a file beside `lib.rs` is one of its own.
fn folder(root: &Path, module: &Module, file: &Path) -> String {
    let folder = file.parent().and_then(|parent| parent.strip_prefix(root).ok());
    match folder.map(|folder| folder.display().to_string()) {
        Some(folder) if !folder.is_empty() => folder,
        _ => module.join("/"),
    }
}

/// The folders that each folder uses, directly or through others.
fn uses(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules(root);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, file) in modules.iter().filter(|(module, _)| !module.is_empty()) {
        let from = folder(root, module, file);
        let text = fs::read_to_string(file).expect("a text file");
        for path in paths(&text) {
            let to = target(module, &path, &modules);
            if let Some(used) = modules.get(&to).filter(|_| !to.is_empty()) {
                uses.entry(from.clone()).or_default().insert(folder(root, &to, used));
            }
        }
    }
    // As many rounds as there are folders reach everything.
    for _ in 0..uses.len() {
        let before = uses.clone();
        for reached in uses.values_mut() {
            let further = reached.iter().filter_map(|folder| before.get(folder)).flatten();
            let further: Vec<_> = further.cloned().collect();
            reached.extend(further);
        }
    }
    uses
}

#[test]
fn no_folder_uses_one_that_uses_it() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for root in ["src", "real/src", "sim/src"] {
        let uses = uses(&here.join(root));
        assert!(uses.len() > 2, "{root}: nothing was read");
        for (folder, used) in &uses {
            let back = |other: &&String| {
                *other != folder && uses.get(*other).is_some_and(|further| further.contains(folder))
            };
            let circle: Vec<_> = used.iter().filter(back).collect();
            assert!(circle.is_empty(), "{root}: {folder} uses {circle:?}, which use it");
        }
    }
}

#[test]
fn paths_are_found_as_they_are_written() {
    let text = "use crate::{a::{B, c::D}, e};\nuse super::f::G; // crate::h\nlet x = crate::i::j();\npub(in crate::k) l";
    let expected = ["crate::a::B", "crate::a::c::D", "crate::e", "crate::i::j", "super::f::G"];
    assert_eq!(paths(text), expected);
}
