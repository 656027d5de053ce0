//! Errors that a person can act on: what went wrong, with which object, and what to do about it.

use std::fmt;

/// Result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of ending an error is; [`crate::exit`] maps each to one exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer is no: a refusal, a blocker, a failed verification.
    No,
    /// The command line or a file given on it is wrong.
    Usage,
    /// Something broke, or the answer could not be had.
    Failed,
    /// helm failed.
    Helm,
    /// Another run holds the lock.
    Locked,
    /// Stopped part-way; a resume goes on from here.
    Partial,
    /// Interrupted by a signal.
    Interrupted,
}

/// An error with hints for the next step.
#[derive(Debug)]
pub struct Error {
    /// The sort of ending.
    pub kind: Kind,
    /// One clear message naming the object, what was observed and what was expected.
    pub message: String,
    /// What to do: commands and advice, one a line.
    pub hints: Vec<String>,
    /// Whether asking again may help: the API server stalled, was busy, or somebody else wrote first.
    pub transient: bool,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), transient: false }
    }

    /// A refusal.
    pub fn no(message: impl Into<String>) -> Self {
        Self::new(Kind::No, message)
    }

    /// A mistake in the arguments or in a file given by the user.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Something broke.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// helm failed.
    pub fn helm(message: impl Into<String>) -> Self {
        Self::new(Kind::Helm, message)
    }

    /// Another run holds the lock.
    pub fn locked(message: impl Into<String>) -> Self {
        Self::new(Kind::Locked, message)
    }

    /// Stopped part-way.
    pub fn partial(message: impl Into<String>) -> Self {
        Self::new(Kind::Partial, message)
    }

    /// Interrupted by the operator.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Kind::Interrupted, message)
    }

    /// The same error once more, for one that was kept.
    #[must_use]
    pub fn copy(&self) -> Self {
        let (message, hints) = (self.message.clone(), self.hints.clone());
        Self { kind: self.kind, message, hints, transient: self.transient }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prefixes the message with what was being done.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
