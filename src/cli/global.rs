//! kubectl's global flags, and the environment that Helm gives its plugins.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Result};
use crate::kube::{Impersonation, Settings};

/// kubectl's global flags.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of kubectl")]
pub struct Global {
    /// Path of the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, global = true, alias = "kube-context", value_name = "NAME")]
    pub context: Option<String>,
    /// Name of the kubeconfig cluster
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Name of the kubeconfig user
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Namespace; verbs of this tool concern the whole cluster and need none
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Address of the API server
    #[arg(long, short = 's', global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Certificate authority of the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Do not check the API server's certificate
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,
    /// Name that the API server's certificate must have
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Proxy to the API server
    #[arg(long, global = true, value_name = "URL")]
    pub proxy_url: Option<String>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// Group to act as; may be repeated
    #[arg(long, global = true, value_name = "GROUP")]
    pub as_group: Vec<String>,
    /// UID to act as
    #[arg(long, global = true, value_name = "UID")]
    pub as_uid: Option<String>,
    /// Longest time for one request: 30, 30s, 5m; 0 is without end
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub request_timeout: Option<Duration>,
    /// Helm binary; else HELM_BIN, else helm from PATH
    #[arg(long, global = true, env = "HELM_BIN", value_name = "FILE", hide_env_values = true)]
    pub helm_bin: Option<PathBuf>,
    /// Log level: 4 shows helm's arguments, 6 every request
    #[arg(long = "v", short = 'v', global = true, default_value_t = 0, value_name = "LEVEL")]
    pub verbosity: u8,
    /// No progress and no hints
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
}

/// What Helm passes to a plugin by environment (flags that Helm takes before we see them).
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `HELM_KUBECONTEXT`.
    pub context: Option<String>,
    /// `HELM_KUBEAPISERVER`.
    pub server: Option<String>,
    /// `HELM_KUBETOKEN`.
    pub token: Option<String>,
    /// `HELM_KUBEASUSER`.
    pub as_user: Option<String>,
    /// `HELM_KUBEASGROUPS`, separated by commas.
    pub as_groups: Vec<String>,
    /// `HELM_KUBECAFILE`.
    pub certificate_authority: Option<PathBuf>,
    /// `HELM_KUBETLS_SERVER_NAME`.
    pub tls_server_name: Option<String>,
    /// `HELM_KUBEINSECURE_SKIP_TLS_VERIFY`.
    pub insecure: bool,
}

impl Global {
    /// The flags over what Helm passed.
    pub fn settings(&self, helm: &Environment) -> Settings {
        let groups = if self.as_group.is_empty() { &helm.as_groups } else { &self.as_group };
        Settings {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone().or_else(|| helm.context.clone()),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone().or_else(|| helm.server.clone()),
            token: self.token.clone().or_else(|| helm.token.clone()),
            insecure: self.insecure_skip_tls_verify || helm.insecure,
            tls_server_name: self.tls_server_name.clone().or_else(|| helm.tls_server_name.clone()),
            certificate_authority: self
                .certificate_authority
                .clone()
                .or_else(|| helm.certificate_authority.clone()),
            proxy_url: self.proxy_url.clone(),
            request_timeout: self.request_timeout,
            impersonation: Impersonation {
                user: self.as_user.clone().or_else(|| helm.as_user.clone()),
                groups: groups.clone(),
                uid: self.as_uid.clone(),
            },
        }
    }
}

/// A duration as kubectl takes it: `30`, `30s`, `5m`, `1h30m`; a plain number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| Error::usage(format!("\"{text}\" is not a duration; write it as 30s, 5m or 1h30m")))?;
    Duration::try_from(span).map_err(|_| Error::usage(format!("\"{text}\" is negative")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, seconds) in [("30", 30), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("0", 0)] {
            assert_eq!(duration(text).expect(text), Duration::from_secs(seconds));
        }
        for text in ["", "soon", "-5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
