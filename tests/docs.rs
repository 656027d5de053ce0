//! The documents are true: commands in them parse, links lead somewhere, every verb has a page, codes are the code's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cni_migrate::exit;

/// How the binary is called in documents.
const NAMES: [&str; 2] = ["kubectl cni-migrate", "helm cni-migrate"];

#[test]
fn every_command_parses() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config"), "").unwrap();
    let mut seen = BTreeSet::new();
    for (page, text) in pages() {
        for words in commands(&text) {
            if seen.insert(words.clone()) {
                judge(&format!("{}: {}", page.display(), words.join(" ")), &call(home.path(), &words));
            }
        }
    }
    assert!(seen.len() > 30, "only {} commands were found", seen.len());
}

/// Without a cluster a right command ends well, or for want of a kubeconfig; a wrong one by clap's usage.
fn judge(what: &str, output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    let ended_well = code == Some(exit::DONE.into());
    let wants_kubeconfig = code == Some(exit::USAGE.into()) && stderr.starts_with("error: kubeconfig");
    // Files of examples are the reader's own.
    let wants_file = stderr.contains("could not be read: No such file");
    assert!(ended_well || wants_kubeconfig || wants_file, "{what}: exit {code:?}: {stderr}");
    assert!(!stderr.contains("Usage:"), "{what}: {stderr}");
}

#[test]
fn a_wrong_command_would_be_seen() {
    let home = tempfile::tempdir().unwrap();
    let words = commands("    $ kubectl cni-migrate node --no-such-flag | tee log  # why").remove(0);
    assert_eq!(words, ["node", "--no-such-flag"]);
    let output = call(home.path(), &words);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage:"));
    assert_eq!(
        commands("`kubectl cni-migrate status` and source <(helm cni-migrate completion bash)").len(),
        2
    );
}

#[test]
fn every_link_leads_somewhere() {
    let root = root();
    for (page, text) in pages() {
        let folder = page.parent().unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let target = folder.join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
        }
        let words = text.split(|c: char| c.is_whitespace() || "()`\"".contains(c));
        for path in
            words.filter(|word| word.starts_with("docs/")).map(|w| w.trim_end_matches(['.', ',', ':', ';']))
        {
            assert!(root.join(path).exists(), "{}: {path} does not exist", page.display());
        }
    }
}

#[test]
fn verbs_and_pages_are_the_same() {
    let home = tempfile::tempdir().unwrap();
    let help = String::from_utf8(call(home.path(), &["--help".to_owned()]).stdout).unwrap();
    let list =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: BTreeSet<_> = list
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(verbs, stems("docs/verbs"), "verbs of --help, and pages in docs/verbs");
}

#[test]
fn the_lab_page_lists_every_scenario() {
    let text = fs::read_to_string(root().join("docs/lab.md")).unwrap();
    let names = stems("lab/src/e2e/scenarios").into_iter().filter(|name| name != "mod");
    for name in names.map(|name| name.replace('_', "-")) {
        assert!(text.contains(&format!("| `{name}` |")), "docs/lab.md: scenario {name} is missing");
    }
}

#[test]
fn the_page_of_exit_codes_lists_every_code() {
    let text = fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let codes = [
        exit::DONE,
        exit::NO,
        exit::USAGE,
        exit::FAILED,
        exit::HELM,
        exit::LOCKED,
        exit::PARTIAL,
        exit::INTERRUPTED,
    ];
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u8>().ok());
    assert_eq!(rows.collect::<Vec<_>>(), codes);
}

#[test]
fn the_helm_plugin_is_of_this_version_and_names_this_binary() {
    let text = fs::read_to_string(root().join("plugin.yaml")).unwrap();
    let plugin = cni_migrate::yaml::read(&text).unwrap();
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    // Helm before 3.18 finds no command in an entry without an operating system.
    for entry in plugin["platformCommand"].as_array().unwrap() {
        assert!(entry["os"].is_string(), "{entry}");
        assert!(entry["command"].as_str().unwrap().ends_with("/kubectl-cni_migrate"), "{entry}");
    }
    assert!(plugin.get("apiVersion").is_none(), "Helm 3 refuses a plugin file with apiVersion");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and its neighbours, and everything below docs.
fn pages() -> Vec<(PathBuf, String)> {
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

/// The words after the binary's name, of every command in a text.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for line in text.lines() {
        for (at, name) in NAMES.iter().flat_map(|name| line.match_indices(name)) {
            let rest = &line[at + name.len()..];
            let end = rest.find(['`', ')', '|', '>', ';', '·']).unwrap_or(rest.len());
            // A name in running text, without a verb or a flag, is no command.
            let is_code = line.starts_with("    ") || line[..at].ends_with('`') || line[..at].ends_with('(');
            if is_code && rest.starts_with(' ') {
                all.push(shlex::split(&rest[..end]).unwrap_or_else(|| panic!("quotes in: {line}")));
            }
        }
    }
    all
}

fn call(home: &Path, words: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate"));
    command.args(words).args(["--kubeconfig".as_ref(), home.join("config").as_os_str()]);
    command.env_clear().env("HOME", home).current_dir(home).output().unwrap()
}

/// Names without extension of the files in a folder of the repository.
fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}
