//! Why a release was not made.

use std::io;
use std::path::{Path, PathBuf};

/// What failed, on which object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, an infinitive.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A program failed, or something is not as it must be.
    #[error("{0}")]
    Failed(String),
}

/// Adds action and path to an I/O error.
pub(crate) trait Context<T> {
    /// Names what was tried on which file.
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Context<T> for Result<T, io::Error> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
