//! Installing and upgrading: what changes a release.

use super::argv::{self, Verb};
use super::types::{self, Job, clearing};
use super::{Helm, READ_DEADLINE, run, values_file};
use crate::error::{Error, Result};

/// A helm that changes releases.
#[derive(Clone, Debug)]
pub struct Installer {
    helm: Helm,
}

impl Installer {
    /// With that helm.
    pub fn new(helm: Helm) -> Self {
        Self { helm }
    }

    /// Installs a release.
    ///
    /// # Errors
    /// Those of [`Installer::upgrade`], and a release of that name exists.
    pub async fn install(&self, job: &Job) -> Result<()> {
        self.apply(Verb::Install, job).await
    }

    /// Upgrades a release.
    ///
    /// # Errors
    /// An operation that another helm left unfinished, a chart of another version than asked for, and helm's own
    /// failures with its own last words; hints name the command that clears what was left behind.
    pub async fn upgrade(&self, job: &Job) -> Result<()> {
        self.apply(Verb::Upgrade, job).await
    }

    async fn apply(&self, verb: Verb, job: &Job) -> Result<()> {
        self.helm.check_chart(job).await?;
        if let Some(release) = self.helm.release(&job.release, &job.namespace).await? {
            types::refuse_unfinished(&release)?;
        }
        let values = values_file(&job.values)?;
        let args = argv::apply(verb, self.helm.flavour, job, values.path());
        let output = if job.dry_run {
            self.helm.program.read(&args, READ_DEADLINE + job.timeout).await?
        } else {
            self.helm.program.write(&args, values).await?
        };
        if output.success {
            return Ok(());
        }
        let what = format!("{} of release {}/{}", verb.name(), job.namespace, job.release);
        Err(self.with_clearing(job, run::failure(&what, &output)).await)
    }

    /// Adds what to do about the release that a failed call left behind, where helm can still be asked.
    async fn with_clearing(&self, job: &Job, error: Error) -> Error {
        match self.helm.release(&job.release, &job.namespace).await {
            Ok(Some(release)) => clearing(&release).into_iter().fold(error, Error::hint),
            Ok(None) | Err(_) => error,
        }
    }
}
