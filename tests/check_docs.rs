//! Every check has a page, every page a check, and every page says what a reader needs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cni_migrate::check::CHECKS;

const PARTS: [&str; 4] = ["## What it means", "## Why it matters", "## How to fix it", "## Source"];

#[test]
fn pages_and_checks_are_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages: BTreeSet<String> = fs::read_dir(root.join("docs/checks"))
        .unwrap()
        .map(|entry| format!("docs/checks/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    assert_eq!(pages, CHECKS.iter().map(|check| check.doc()).collect());
}

#[test]
fn pages_say_what_a_reader_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for check in CHECKS {
        let page = fs::read_to_string(root.join(check.doc())).unwrap();
        assert!(page.starts_with(&format!("# {}: {}\n", check.id(), check.title())), "{}", check.id());
        let mut at = 0;
        for part in PARTS {
            let found = page[at..].find(part);
            assert!(found.is_some(), "{}: {part}", check.id());
            at += found.unwrap_or_default() + part.len();
        }
    }
}
