//! Finds the helm binary.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Which helm, and for which cluster.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A path or a name, from `--helm-bin` or `HELM_BIN`; without it `helm` is looked up in `PATH`.
    pub bin: Option<PathBuf>,
    /// The kubeconfig that helm gets, so that it talks to the cluster that the tool talks to; without it helm
    /// follows its own environment.
    pub kubeconfig: Option<PathBuf>,
}

/// The binary's path.
pub(super) fn binary(options: &Options) -> Result<PathBuf> {
    let wanted = options.bin.clone().unwrap_or_else(|| PathBuf::from("helm"));
    which::which(&wanted).map_err(|error| {
        let message = match &options.bin {
            Some(bin) => format!("no helm at {} (--helm-bin or HELM_BIN): {error}", bin.display()),
            None => format!("no helm in PATH: {error}"),
        };
        Error::helm(message)
            .hint("install helm 3.16 or newer: https://helm.sh/docs/intro/install")
            .hint("or name one with --helm-bin or HELM_BIN")
    })
}
