//! The man pages: one for each verb that people call, with its flags and examples.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_verb_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate")).parent().unwrap().join("examples/man");
    assert!(Command::new(program).arg(folder.path()).status().unwrap().success());
    let name = |path: std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let pages: BTreeSet<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| name(entry.unwrap().path())).collect();
    let verbs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verbs")).unwrap();
    let mut wanted: BTreeSet<String> = verbs
        .map(|entry| format!("kubectl-cni-migrate-{}.1", name(entry.unwrap().path()).trim_end_matches(".md")))
        .collect();
    wanted.insert("kubectl-cni-migrate.1".to_owned());
    assert_eq!(pages, wanted);
    let page = fs::read_to_string(folder.path().join("kubectl-cni-migrate-preflight.1")).unwrap();
    assert!(page.contains("exclude") && page.contains("kubectl cni\\-migrate preflight"), "{page}");
}
