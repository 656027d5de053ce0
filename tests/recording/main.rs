//! What README and documents show of a rehearsal is what a terminal shows: the picture is recorded from one, and every
//! line in the text is printed. After a change of the output: `INSTA_UPDATE=always cargo test --test recording`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod picture;
mod terminal;

use std::{fs, io, path::Path, sync::LazyLock};

/// Columns of the terminal.
const COLUMNS: u16 = 104;
/// The command whose output is shown.
const COMMAND: &str = "kubectl cni-migrate rehearse";

/// One rehearsal for both tests.
static LINES: LazyLock<io::Result<Vec<String>>> = LazyLock::new(|| {
    terminal::record(Path::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate")), &["rehearse"], COLUMNS)
});

fn lines() -> &'static [String] {
    LINES.as_ref().unwrap()
}

#[test]
fn the_picture_is_what_a_terminal_shows() {
    let svg = picture::picture(COMMAND, lines(), COLUMNS);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");
    insta::with_settings!({snapshot_path => root, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_binary_snapshot!("rehearsal.svg", svg.into_bytes());
    });
}

/// `...` stands for lines that are left out.
#[test]
fn the_readme_shows_lines_of_the_output_in_their_order() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let after = readme.split_once(&format!("    $ {COMMAND}\n")).unwrap().1;
    let shown: Vec<&str> = after
        .lines()
        .map_while(|line| line.strip_prefix("    ").or(line.is_empty().then_some(line)))
        .collect();
    assert!(shown.len() > 20, "{shown:?}");
    let mut rest = lines().iter();
    for line in shown.iter().filter(|line| !["...", ""].contains(line)) {
        assert!(
            rest.any(|printed| printed == line),
            "README shows {line:?}, which is not printed there:\n{}",
            lines().join("\n")
        );
    }
}
