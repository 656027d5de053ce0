//! Writes the man pages, one for each verb, into the folder that it is given; the release carries them.

use std::path::Path;
use std::process::ExitCode;

use cni_migrate::cli;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        complain("usage: man FOLDER");
        return ExitCode::FAILURE;
    };
    let folder = Path::new(&folder);
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(cli::manual(), folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{}: {error}", folder.display()));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place of this program that prints")]
fn complain(text: &str) {
    eprintln!("{text}");
}
