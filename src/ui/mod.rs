//! The only door to the terminal: data on stdout, everything else on stderr.

mod progress;
mod prompt;

use std::io::{IsTerminal, Write};

pub use progress::Progress;

use crate::error::{Error, Kind, Result};

/// Sends log lines to stderr: nothing by default, helm's arguments from 4 on, every request from 6 on.
pub fn log(verbosity: u8) {
    let filter = match verbosity {
        0..=3 => "off",
        4..=5 => "cni_migrate=debug",
        _ => "cni_migrate=trace,kube_client=debug",
    };
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    // Only one subscriber can be set; a second call changes nothing.
    let _ = subscriber.try_init();
}

/// How this program is called in its own texts; see [`Ui::named`].
pub const PROGRAM: &str = "kubectl cni-migrate";

/// The terminal, as the flags want it.
#[derive(Clone, Debug)]
pub struct Ui {
    /// No progress and no hints.
    pub quiet: bool,
    /// Nothing at all.
    pub muted: bool,
    /// How this program was called: [`PROGRAM`], or `helm cni-migrate`.
    pub program: &'static str,
}

impl Ui {
    /// A text of this program in which commands begin as the operator began this one. Everything on stderr is
    /// treated so; data is not by itself, for it may quote others.
    pub fn named(&self, text: &str) -> String {
        text.replace(PROGRAM, self.program)
    }

    /// Writes data to stdout. A reader that went away is no error.
    pub fn data(&self, text: &str) {
        if self.muted {
            return;
        }
        let mut out = anstream::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Writes data that is no text to stdout. A reader that went away is no error.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(bytes);
        let _ = out.flush();
    }

    /// Whether stdout is a terminal.
    pub fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Writes a line of progress to stderr.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Writes a warning to stderr.
    pub fn warning(&self, text: &str) {
        self.line(&format!("Warning: {text}"));
    }

    /// Writes a hint to stderr.
    pub fn hint(&self, text: &str) {
        self.status(&format!("hint: {text}"));
    }

    /// Writes an error and its hints to stderr; a refusal is not called an error.
    pub fn error(&self, error: &Error) {
        let word = match error.kind {
            Kind::No => "refused",
            Kind::Partial | Kind::Interrupted => "stopped",
            _ => "error",
        };
        self.line(&format!("{word}: {}", error.message));
        for hint in &error.hints {
            self.line(&format!("hint: {hint}"));
        }
    }

    /// Asks for the cluster's name before anything is written, or takes it from `--yes=NAME`.
    ///
    /// # Errors
    /// Usage without a terminal and without `--yes`; a refusal where the name is another one.
    pub fn confirm(&self, cluster: &str, yes: Option<&str>, about: &str) -> Result<()> {
        match yes {
            Some(name) if name == cluster => Ok(()),
            Some(name) => {
                Err(Error::no(format!("--yes names cluster \"{name}\", but this is \"{cluster}\""))
                    .hint("check the context: kubectl config current-context"))
            }
            None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
                self.line(about);
                prompt::cluster_name(cluster)
            }
            None => Err(Error::usage("this writes to the cluster and there is no terminal to ask on")
                .hint(format!("name the cluster to go on: --yes={cluster}"))),
        }
    }

    fn line(&self, text: &str) {
        if self.muted {
            return;
        }
        let mut err = anstream::stderr().lock();
        let _ = err.write_all(self.named(text).as_bytes());
        let _ = err.write_all(b"\n");
    }
}
