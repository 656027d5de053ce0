//! The only door to the terminal: results go to stdout, progress and errors to stderr.

use std::error::Error as StdError;
use std::io::Write as _;
use std::time::Instant;

/// Writes what people and scripts see; a closed pipe is not an error of the lab.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    started: Instant,
    /// Says nothing: what a test makes fail on purpose must not look like a failure in its output.
    silent: bool,
}

impl Ui {
    /// Starts the clock that progress lines show.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), silent: false }
    }

    /// For tests.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::new() }
    }

    /// Prints one line of the result.
    pub(crate) fn line(&self, text: &str) {
        if self.silent {
            return;
        }
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Prints one progress line with the seconds since the start.
    pub(crate) fn progress(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f32();
        let _ = writeln!(std::io::stderr().lock(), "[{seconds:6.1}s] {text}");
    }

    /// Runs one step of work: says that it starts and how long it took.
    pub(crate) fn step<T, E>(&self, title: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.progress(&format!("{title} ..."));
        let started = Instant::now();
        let result = work();
        let verdict = if result.is_ok() { "done" } else { "failed" };
        self.progress(&format!("{title} {verdict} in {:.1} s", started.elapsed().as_secs_f32()));
        result
    }

    /// Prints an error and its causes, one line each.
    #[allow(clippy::unused_self, reason = "the door to stderr is handed around as a value")]
    pub(crate) fn error(&self, error: &dyn StdError) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "error: {error}");
        let mut cause = error.source();
        while let Some(inner) = cause {
            let _ = writeln!(err, "  caused by: {inner}");
            cause = inner.source();
        }
    }
}
