//! Completion as kubectl and Helm ask for it: a candidate a line, and cobra's directive last.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-cni_migrate");

/// What a program says to these words.
fn says(program: &Path, words: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(words).env_clear().env("PATH", path).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Candidates without their descriptions, and the directive.
fn complete(words: &[&str]) -> (Vec<String>, String) {
    let answer = says(Path::new(BINARY), &[&["__complete", "--"], words].concat(), Path::new("/"));
    let mut lines: Vec<String> =
        answer.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    let directive = lines.pop().unwrap();
    (lines, directive)
}

#[test]
fn an_empty_word_is_offered_the_verbs_and_neither_flags_nor_what_is_hidden() {
    let (found, directive) = complete(&[""]);
    for verb in ["preflight", "node", "cleanup-flannel", "completion"] {
        assert!(found.contains(&verb.to_owned()), "{verb} is missing in {found:?}");
    }
    assert!(!found.iter().any(|word| word.starts_with('-') || word == "agent" || word == "__complete"));
    assert_eq!(directive, ":4");
    assert_eq!(complete(&[]), complete(&[""]));
}

#[test]
fn words_are_completed_to_verbs_flags_and_values() {
    for (words, wanted) in [
        (&["pre"][..], &["preflight"][..]),
        (&["node", "--reb"], &["--reboot", "--reboot-command"]),
        (&["node", "--reboot", ""], &["never", "manual", "pod", "command"]),
        (&["node", "worker-1", "--reboot=p"], &["--reboot=pod"]),
        (&["--context", "dev", "status", "-o", "j"], &["json"]),
        (&["preflight", "--explain", "SOURCE-0"], &["SOURCE-001"]),
        // No cluster answers here.
        (&["node", ""], &[]),
        (&["frob"], &[]),
        (&["frob", ""], &[]),
        (&["status", "--frob"], &[]),
        // Hidden, for Helm's sake.
        (&["--kube-con"], &[]),
    ] {
        let (found, directive) = complete(words);
        assert_eq!(found, wanted, "{words:?}");
        assert_eq!(directive, ":4", "{words:?}");
    }
}

#[test]
fn paths_are_left_to_the_shell() {
    for words in [&["--kubeconfig", ""][..], &["install", "--chart", "./c"], &["values", "final", "-f", ""]] {
        assert_eq!(complete(words), (Vec::new(), ":0".to_owned()), "{words:?}");
    }
}

#[test]
fn a_candidate_comes_with_its_description() {
    let answer = says(Path::new(BINARY), &["__complete", "sta"], Path::new("/"));
    assert_eq!(answer, "status\tShow where the migration stands\n:4\n");
}

#[test]
fn the_scripts_for_kubectl_and_helm_ask_the_binary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plugin = tempfile::tempdir().unwrap();
    let bin = plugin.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(BINARY, bin.join("kubectl-cni_migrate")).unwrap();
    // Copies with the mode of the originals: both must be executable.
    fs::copy(root.join("plugin.complete"), plugin.path().join("plugin.complete")).unwrap();
    let kubectl = root.join("packaging/kubectl_complete-cni_migrate");
    for script in [kubectl, plugin.path().join("plugin.complete")] {
        let answer = says(&script, &["--context", "dev", "status", "-o", "j"], &bin);
        assert_eq!(answer, "json\tJSON for machines\n:4\n", "{}", script.display());
        assert!(says(&script, &["--hel"], &bin).contains("--help\t"), "{}", script.display());
    }
}
