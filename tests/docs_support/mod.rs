//! The documents: their pages, and the commands in them and in the examples of `--help`.

// Every test file is a crate of its own and uses a part of this.
#![allow(dead_code, unreachable_pub, reason = "shared by test crates that each use a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a line of a code block begins with if it is a command.
const PROGRAMS: [&str; 5] = ["kubectl", "helm", "cargo", "install", "source"];
/// What code in running text begins with if it is a command; `install` is a verb of ours there.
const PROGRAMS_IN_TEXT: [&str; 5] = ["kubectl", "helm", "cargo", "rustup", "ip"];
/// How code blocks begin that hold something else.
const NO_COMMANDS: [&str; 3] = ["cli -> settings", "- id: PDB-001", "NODE   PHASE"];

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and its neighbours, and everything below docs.
pub fn pages() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    files.retain(|path| path.extension().is_some_and(|e| e == "md"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Names without extension of the files in a folder of the repository.
pub fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// What `--help` prints, of a verb or of the program.
pub fn help(verb: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate"));
    let output = command.args(verb).arg("--help").env_clear().output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Every command that a page or `--help` shows, and where.
pub fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (page, text) in pages() {
        let page = page.strip_prefix(root()).unwrap().display().to_string();
        for command in of_page(&page, &text) {
            all.entry(command).or_default().insert(page.clone());
        }
    }
    let verbs = stems("docs/verbs");
    for verb in verbs.iter().map(|verb| Some(verb.as_str())).chain([None]) {
        for command in of_help(&help(verb)) {
            all.entry(command).or_default().insert(format!("{} --help", verb.unwrap_or_default()));
        }
    }
    all
}

/// The lines below `Examples:` that are no comments.
fn of_help(text: &str) -> impl Iterator<Item = String> {
    let examples = text.split_once("Examples:\n").map_or("", |(_, examples)| examples);
    let lines = examples.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned)
}

fn of_page(page: &str, text: &str) -> Vec<String> {
    let (mut all, mut block, mut prose) = (Vec::new(), Vec::new(), String::new());
    for line in text.lines().chain(["end"]) {
        match line.strip_prefix("    ") {
            Some(code) => block.push(code),
            // A blank line may stand within a block.
            None if line.is_empty() && !block.is_empty() => {}
            None => {
                all.extend(of_block(page, &std::mem::take(&mut block)));
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    all.extend(of_prose(page, &prose));
    all
}

/// Lines after a `$`, else all lines.
fn of_block(page: &str, lines: &[&str]) -> Vec<String> {
    let Some(first) = lines.first() else { return Vec::new() };
    let typed: Vec<String> =
        lines.iter().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect();
    if !typed.is_empty() || NO_COMMANDS.iter().any(|start| first.starts_with(start)) {
        return typed;
    }
    let is_command = |line: &&&str| PROGRAMS.iter().any(|program| begins_with(line, program));
    let other: Vec<_> = lines.iter().filter(|line| !is_command(line)).collect();
    assert!(other.is_empty(), "{page}: mark commands by a $, or list what this is: {other:?}");
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Code in running text that begins with the name of a program; of others' a name and a verb are no command yet.
fn of_prose(page: &str, text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('`').collect();
    assert!(parts.len() % 2 == 1, "{page}: a ` is not closed");
    let code = parts.iter().skip(1).step_by(2).map(|code| code.replace('\n', " "));
    let is_command = |code: &String| {
        let words = code.split(' ').count();
        let is_ours = code.contains(" cni-migrate");
        PROGRAMS_IN_TEXT.iter().any(|program| begins_with(code, program)) && (is_ours || words > 2)
    };
    code.filter(is_command).collect()
}

fn begins_with(line: &str, program: &str) -> bool {
    line.strip_prefix(program).is_some_and(|rest| rest.starts_with(' '))
}

#[test]
fn commands_are_found_in_blocks_in_text_and_in_examples() {
    let page = "Call `kubectl cni-migrate\nstatus` or `install`:\n\n    $ helm cni-migrate run\n    done\n\n    more\n\n\
                or\n\n    cargo test\n    source <(x)\n";
    let found = of_page("page", page);
    assert_eq!(found, ["helm cni-migrate run", "cargo test", "source <(x)", "kubectl cni-migrate status"]);
    let help = "Usage: x\n\nExamples:\n  # Why\n  kubectl cni-migrate plan > plan.yaml\n";
    assert_eq!(of_help(help).collect::<Vec<_>>(), ["kubectl cni-migrate plan > plan.yaml"]);
}
