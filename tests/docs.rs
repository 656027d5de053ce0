//! The documents are true: links lead somewhere, every verb has a page, codes are the code's. tests/docs_run.rs executes
//! the commands in them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod docs_support;

use std::collections::BTreeSet;
use std::fs;

use cni_migrate::exit;
use docs_support::{help, pages, root, stems};

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
    let help = help(None);
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
