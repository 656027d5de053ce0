//! `lab`: a real Kubernetes cluster on one machine, on which every claim of `kubectl cni-migrate` is shown.

mod cli;
mod cluster;
mod e2e;
mod error;
mod meter;
mod process;
mod setup;
mod ui;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    let ui = ui::Ui::new();
    match cli::run(&ui) {
        Ok(code) => code,
        Err(error) => {
            ui.error(&error);
            ExitCode::FAILURE
        }
    }
}
