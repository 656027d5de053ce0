//! The one error type of the lab: what failed, on which object, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a lab command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something that the machine must provide is not there.
    #[error("{what} is missing: {remedy}")]
    Missing {
        /// What was looked for.
        what: String,
        /// How to provide it.
        remedy: String,
    },
    /// A file or folder could not be read or changed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, e.g. `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the kernel.
        source: io::Error,
    },
    /// A program could not be started or ended with an error.
    #[error("`{command}` {outcome}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended, with the tail of what it said.
        outcome: String,
    },
    /// A wait reached its deadline.
    #[error("{what} after {seconds} s: {hint}")]
    Timeout {
        /// What was still not so, e.g. `node n2 is not Ready`.
        what: String,
        /// The deadline in seconds.
        seconds: u64,
        /// Where to look next.
        hint: String,
    },
    /// No cluster of that name runs.
    #[error("cluster {name} does not run: start it with `lab up --name {name}`")]
    NotRunning {
        /// Name of the cluster.
        name: String,
    },
    /// The request cannot be met as it stands.
    #[error("{0}")]
    Invalid(String),
}

/// Adds the action and the path to an I/O error.
pub(crate) trait Context<T> {
    /// Names what was tried (`action`, an infinitive) on which file.
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source: source.into() })
    }
}
