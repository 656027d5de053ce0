//! The house of `docs/architecture.md`: every file under `src/` is read as tokens and held to the rules of its room.
//!
//! Tokens, not text: comments and strings do not count, paths inside macros and `use` groups do. Items under
//! `#[cfg(test)]` are left out: tests may read files and build worlds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Rooms from the ground up: a room names only rooms before it, so there can be no cycle.
const ROOMS: [&str; 28] = [
    "error", "exit", "event", "yaml", "report", "model", "snapshot", "target", "source", "values", "drain",
    "check", "helm", "agent", "kube", "observe", "journal", "verify", "plan", "wish", "act", "ui", "ctx",
    "sim", "rehearse", "cli", "lib", "main",
];

/// Rooms and files that only compute.
const PURE: [&str; 30] = [
    "src/error.rs",
    "src/exit.rs",
    "src/event.rs",
    "src/yaml.rs",
    "src/wish.rs",
    "src/model/",
    "src/snapshot/",
    "src/target/",
    "src/source/",
    "src/values/",
    "src/drain/",
    "src/check/",
    "src/report/",
    "src/plan/",
    "src/agent/spec.rs",
    "src/helm/argv.rs",
    "src/helm/chart.rs",
    "src/helm/flavour.rs",
    "src/helm/types.rs",
    "src/journal/documents.rs",
    "src/journal/format.rs",
    "src/journal/layout.rs",
    "src/kube/advice.rs",
    "src/kube/page.rs",
    "src/kube/status.rs",
    "src/verify/classify.rs",
    "src/verify/inspect.rs",
    "src/verify/matrix.rs",
    "src/verify/paths.rs",
    "src/verify/pods.rs",
];

/// What a pure file does not name: cluster, runtime, files, processes, environment, threads, clocks, randomness.
const IMPURE: [&str; 14] = [
    "kube",
    "tokio",
    "hyper",
    "tower",
    "tempfile",
    "rand",
    "getrandom",
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
];

/// The errors of the API client, which `src/kube/status.rs` gives a meaning to.
const CLIENT_ERRORS: [&str; 2] = ["kube::Error", "kube::core::Status"];

/// Verbs, and their common ground, that cannot write by construction.
const READ_ONLY: [&str; 9] =
    ["look", "preflight", "values", "plan", "status", "snapshot", "rbac", "completion", "complete"];

/// Longest file, in lines: beyond it a file is two rooms.
const LONGEST_FILE: usize = 400;
/// Longest `main.rs`, in lines that are neither blank nor a comment.
const LONGEST_MAIN: usize = 60;

/// What one file names outside of its tests.
struct Source {
    /// Such as `src/check/port.rs`.
    name: String,
    /// Full paths such as `crate::model::Pod` or `std::fs`; `println!` for a macro, `.writer` for a field.
    paths: Vec<String>,
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.name.trim_start_matches("src/");
        inside.split('/').next().unwrap().trim_end_matches(".rs")
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| self.name == *place || (place.ends_with('/') && self.name.starts_with(place)))
    }

    /// Rooms that it names, and by which path.
    fn rooms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.paths
            .iter()
            .filter_map(|path| Some((path.strip_prefix("crate::")?.split("::").next()?, path.as_str())))
    }

    /// Whether it names `what`, as a whole path, as its beginning, or as its end.
    fn names(&self, what: &str) -> bool {
        self.paths.iter().any(|path| is_or_is_part(path, what))
    }
}

fn is_or_is_part(path: &str, what: &str) -> bool {
    format!("{path}::").starts_with(&format!("{what}::")) || path.ends_with(&format!("::{what}"))
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let height = |room: &str| ROOMS.iter().position(|r| *r == room);
    let mut breaches = Vec::new();
    for source in SOURCES.iter() {
        let here = height(source.room()).unwrap_or_else(|| panic!("{}: add its room to ROOMS", source.name));
        let above = source.rooms().filter(|(room, _)| height(room).is_some_and(|there| there > here));
        breaches.extend(above.map(|(_, path)| format!("{} names {path}", source.name)));
    }
    none("data flows one way", &breaches);
}

#[test]
fn pure_files_only_compute() {
    let mut breaches = Vec::new();
    for source in SOURCES.iter().filter(|s| s.is_in(&PURE)) {
        let status = source.name == "src/kube/status.rs";
        for path in source.paths.iter().filter(|path| !path.starts_with("crate::")) {
            let known = status && CLIENT_ERRORS.iter().any(|error| is_or_is_part(path, error));
            if !known && IMPURE.iter().any(|what| is_or_is_part(path, what)) {
                breaches.push(format!("{} names {path}", source.name));
            }
        }
        let impure = source.rooms().filter(|(room, path)| !is_pure(room, path));
        breaches.extend(impure.map(|(_, path)| format!("{} names {path}, which is not pure", source.name)));
    }
    none("a pure file names nothing that acts", &breaches);
}

/// Whether `path` leads into a pure room or file, or to an item that `mod.rs` takes from a pure file of its room.
fn is_pure(room: &str, path: &str) -> bool {
    let whole = [format!("src/{room}.rs"), format!("src/{room}/")];
    if whole.iter().any(|place| PURE.contains(&place.as_str())) {
        return true;
    }
    let pure_file = |file: &str| PURE.contains(&format!("src/{room}/{file}.rs").as_str());
    // A bare room is `pub(super)`.
    let Some(item) = path.split("::").nth(2) else { return true };
    let door = SOURCES.iter().find(|s| s.name == format!("src/{room}/mod.rs"));
    let exports = door.iter().flat_map(|door| &door.paths).filter(|p| p.ends_with(&format!("::{item}")));
    pure_file(item) || exports.filter_map(|export| export.split("::").next()).any(pure_file)
}

#[test]
fn only_act_the_journal_and_the_prober_write_to_a_cluster() {
    let may = ["src/act/", "src/journal/", "src/verify/probe.rs", "src/kube/", "src/ctx.rs"];
    none("only these files hold the Writer", &others_naming(&["kube::Writer", ".writer"], &may));
}

#[test]
fn verbs_that_only_look_have_no_way_to_write() {
    let hands = [
        "Hands",
        "Installer",
        "WriteKey",
        "PodExec",
        "Engine",
        ".session_with_hands",
        ".into_hands",
        ".engine",
    ];
    let writing = SOURCES.iter().filter(|s| s.room() == "cli" && s.names("crate::cli::write"));
    let writing: Vec<_> = writing.map(|source| source.name.as_str()).chain(["src/cli/write.rs"]).collect();
    for verb in READ_ONLY {
        let name = format!("src/cli/{verb}.rs");
        assert!(SOURCES.iter().any(|source| source.name == name), "{name} does not exist");
        assert!(!writing.contains(&name.as_str()), "{name} names crate::cli::write");
    }
    let doors = ["src/act/", "src/helm/", "src/kube/", "src/ctx.rs", "src/cli/write.rs"];
    none("only the verbs that write get hands", &others_naming(&hands, &doors));
}

#[test]
fn only_ui_speaks_to_the_terminal() {
    let doors = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "io::stdout",
        "io::stderr",
        "io::stdin",
        "anstream",
    ];
    none("only src/ui prints and asks", &others_naming(&doors, &["src/ui/"]));
}

#[test]
fn each_door_is_opened_by_the_files_that_need_it() {
    let processes = ["src/helm/run.rs", "src/act/reboot.rs", "src/agent/reboot.rs"];
    none("only these start processes", &others_naming(&["process::Command"], &processes));
    none("only src/yaml.rs knows the YAML library", &others_naming(&["serde_saphyr"], &["src/yaml.rs"]));
    let environment = ["src/main.rs", "src/ctx.rs"];
    none("only these read the environment", &others_naming(&["std::env"], &environment));
}

#[test]
fn files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut long = Vec::new();
    for folder in ["src", "lab/src", "tests", "examples", "benches"] {
        for file in rust_files(&root.join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > LONGEST_FILE {
                long.push(format!("{}: {lines} lines", file.strip_prefix(root).unwrap().display()));
            }
        }
    }
    none("no file is longer than two rooms", &long);
    let main = fs::read_to_string(root.join("src/main.rs")).unwrap();
    let code = main.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(code <= LONGEST_MAIN, "src/main.rs has {code} lines of code, more than {LONGEST_MAIN}");
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let text = "use super::{a::{B, self}, c}; use std::fs as files; #[cfg(test)] mod tests { use tokio::time; }
                // kube::Client\nfn f() { x.stdout(); format!(\"{}\", std::env::var(\"tokio::time\")); println!() }";
    let paths = paths_of(text, &["check".to_owned(), "port".to_owned()]);
    for path in
        ["crate::check::a::B", "crate::check::a", "crate::check::c", "std::fs", "std::env::var", "println!"]
    {
        assert!(paths.contains(&path.to_owned()), "{path}: {paths:?}");
    }
    assert!(!paths.iter().any(|p| p.contains("tokio") || p.contains("kube") || p == "stdout"), "{paths:?}");
}

/// Files other than `may` that name one of `doors`.
fn others_naming(doors: &[&str], may: &[&str]) -> Vec<String> {
    let others = SOURCES.iter().filter(|source| !source.is_in(may));
    let pairs = others.flat_map(|source| doors.iter().map(move |door| (source, door)));
    pairs
        .filter(|(source, door)| source.names(door))
        .map(|(source, door)| format!("{} names {door}", source.name))
        .collect()
}

fn none(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

/// Every file below `src/`, read once.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for file in rust_files(&root.join("src")) {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        // Modules that their parents declare under #[cfg(test)].
        if name.ends_with("/tests.rs") || name.ends_with("/fixtures.rs") {
            continue;
        }
        let inside = name.trim_start_matches("src/").trim_end_matches(".rs");
        let module: Vec<String> =
            inside.split('/').filter(|part| *part != "mod").map(str::to_owned).collect();
        let paths = paths_of(&fs::read_to_string(&file).unwrap(), &module);
        sources.push(Source { name, paths });
    }
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    sources
});

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// All paths of a file of that module, with `super`, `self` and the crate's own name resolved.
fn paths_of(text: &str, module: &[String]) -> Vec<String> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{module:?}: {e}"));
    collect(tokens).into_iter().map(|path| resolve(path, module).join("::")).collect()
}

fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let rest: Vec<String> = match path.first().map(String::as_str) {
        Some("super") => [&module[..module.len().saturating_sub(ups)], &path[ups..]].concat(),
        Some("self") if path.len() > 1 => [module, &path[1..]].concat(),
        Some("crate" | "cni_migrate") => path[1..].to_vec(),
        _ => return path,
    };
    [vec!["crate".to_owned()], rest].concat().into_iter().filter(|part| part != "self").collect()
}

fn collect(stream: TokenStream) -> Vec<Vec<String>> {
    let tokens = without_tests(stream.into_iter().collect());
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => paths.extend(collect(group.stream())),
            // What follows a point is a field or a method, or the end of a range.
            TokenTree::Ident(name) if at > 0 && is_punct(&tokens[at - 1], '.') => {
                paths.push(vec![format!(".{name}")]);
            }
            TokenTree::Ident(_) => at = path(&tokens, at, &mut paths),
            _ => {}
        }
        at += 1;
    }
    paths
}

/// Reads the path that begins at `at` into `paths`, and gives the place of its last token.
fn path(tokens: &[TokenTree], mut at: usize, paths: &mut Vec<Vec<String>>) -> usize {
    let mut parts = vec![tokens[at].to_string()];
    let joined = |at: usize| [at, at + 1].iter().all(|i| tokens.get(*i).is_some_and(|t| is_punct(t, ':')));
    while joined(at + 1) {
        match tokens.get(at + 3) {
            Some(TokenTree::Ident(ident)) => parts.push(ident.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                paths
                    .extend(collect(group.stream()).into_iter().map(|inner| [parts.clone(), inner].concat()));
                return at + 3;
            }
            _ => break,
        }
        at += 3;
    }
    if tokens.get(at + 1).is_some_and(|t| is_punct(t, '!')) {
        parts.last_mut().unwrap().push('!');
    }
    paths.push(parts);
    at
}

/// The tokens without the items that stand under `#[cfg(test)]`.
fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut skipping = false;
    for token in tokens {
        let ends = is_punct(&token, ';')
            || matches!(&token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
        if skipping {
            skipping = !ends;
        } else if token.to_string().replace(' ', "") == "[cfg(test)]" {
            kept.pop();
            skipping = true;
        } else {
            kept.push(token);
        }
    }
    kept
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[test]
fn the_rooms_are_those_that_the_library_declares() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let mut declared: BTreeMap<&str, usize> = ROOMS.map(|room| (room, 0)).into();
    for room in library.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';')) {
        *declared.entry(room).or_default() += 1;
    }
    let wrong: Vec<_> =
        declared.iter().filter(|(room, n)| **n != usize::from(!["lib", "main"].contains(room))).collect();
    assert!(wrong.is_empty(), "ROOMS and src/lib.rs differ: {wrong:?}");
}
