//! From kubectl's global flags to clients, and to a kubeconfig by which helm talks to the same cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use kube::{Client, Config};

use super::{Clock, NodeAccess, PodExec, Reader, Writer, explain};
use crate::error::{Error, Result};

/// A read that gets no answer for this long is given up: during a CNI change that is when the network broke.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What the flags said; empty means that the kubeconfig decides.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `--kubeconfig`; else `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure: bool,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--certificate-authority`.
    pub certificate_authority: Option<PathBuf>,
    /// `--proxy-url`.
    pub proxy_url: Option<String>,
    /// `--request-timeout`; zero means none.
    pub request_timeout: Option<Duration>,
    /// `--as` and its kin.
    pub impersonation: Impersonation,
}

impl Settings {
    /// These, and `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let who = &other.impersonation;
        let groups = self.impersonation.groups;
        Self {
            kubeconfig: self.kubeconfig.or_else(|| other.kubeconfig.clone()),
            context: self.context.or_else(|| other.context.clone()),
            cluster: self.cluster.or_else(|| other.cluster.clone()),
            user: self.user.or_else(|| other.user.clone()),
            server: self.server.or_else(|| other.server.clone()),
            token: self.token.or_else(|| other.token.clone()),
            insecure: self.insecure || other.insecure,
            tls_server_name: self.tls_server_name.or_else(|| other.tls_server_name.clone()),
            certificate_authority: self.certificate_authority.or_else(|| other.certificate_authority.clone()),
            proxy_url: self.proxy_url.or_else(|| other.proxy_url.clone()),
            request_timeout: self.request_timeout.or(other.request_timeout),
            impersonation: Impersonation {
                user: self.impersonation.user.or_else(|| who.user.clone()),
                groups: if groups.is_empty() { who.groups.clone() } else { groups },
                uid: self.impersonation.uid.or_else(|| who.uid.clone()),
            },
        }
    }
}

/// Whom to act as.
#[derive(Clone, Debug, Default)]
pub struct Impersonation {
    /// `--as`.
    pub user: Option<String>,
    /// `--as-group`.
    pub groups: Vec<String>,
    /// `--as-uid`.
    pub uid: Option<String>,
}

/// The way to one cluster, for looking.
pub struct Connection {
    /// Name of the kubeconfig's cluster entry.
    pub cluster: String,
    /// Address of the API server, and the proxy on the way to it, for people.
    pub server: String,
    /// Reads.
    pub reader: Reader,
    /// A kubeconfig of one context, as JSON, for helm; an embedded cluster has none.
    pub kubeconfig: Option<String>,
    /// Host name or address of the API server alone.
    pub host: String,
}

/// Opens what changes the cluster that a [`Connection`] leads to; who drops it can only read.
pub struct WriteKey(Way);

enum Way {
    Network(Box<Config>),
    Embedded { client: Client, access: Arc<dyn NodeAccess>, clock: Clock },
}

impl WriteKey {
    /// The client that writes, and commands on nodes.
    ///
    /// # Errors
    /// Those of [`connect`].
    pub fn into_hands(self) -> Result<(Writer, Arc<dyn NodeAccess>)> {
        let config = match self.0 {
            Way::Network(config) => *config,
            Way::Embedded { client, access, clock } => return Ok((Writer::new(client, clock), access)),
        };
        let (mut for_writes, mut for_streams) = (config.clone(), config);
        // A command may be silent for longer than any answer of the API server; it has a limit of its own.
        for_streams.read_timeout = None;
        // The default retry layer would hide a budget's 429 for minutes.
        for_writes.default_retry = false;
        Ok((Writer::new(client(for_writes)?, Clock::real()), Arc::new(PodExec::new(client(for_streams)?))))
    }
}

/// Reads the kubeconfig and builds the reader. Talks to nobody yet.
///
/// # Errors
/// Usage, where the kubeconfig does not name the context, cluster or user, or cannot be read.
pub async fn connect(settings: &Settings) -> Result<(Connection, WriteKey)> {
    let kubeconfig = read(settings)?;
    let (minimal, cluster) = minify(&kubeconfig, settings)?;
    let mut config = Config::from_custom_kubeconfig(minimal.clone(), &KubeConfigOptions::default())
        .await
        .map_err(|e| {
            Error::usage(format!("kubeconfig: {e}")).hint(format!(
                "look at context, cluster \"{cluster}\" and user: kubectl config view --minify"
            ))
        })?;
    impersonate(&mut config, &settings.impersonation);
    let timeout = match settings.request_timeout {
        Some(Duration::ZERO) => None,
        Some(wanted) => Some(wanted),
        None => Some(READ_TIMEOUT),
    };
    let kubeconfig = serde_json::to_string(&minimal)
        .map_err(|e| Error::failed(format!("kubeconfig for helm could not be written: {e}")))?;
    let proxy = config.proxy_url.as_ref().map(|url| format!(" through proxy {}", without_login(url)));
    let server = format!("{}{}", config.cluster_url, proxy.unwrap_or_default());
    config.read_timeout = timeout;
    config.reset_reader_on_write = true;
    let reader = Reader::new(client(config.clone())?);
    let host = config.cluster_url.host().unwrap_or_default().to_owned();
    let connection = Connection { cluster, server, reader, kubeconfig: Some(kubeconfig), host };
    Ok((connection, WriteKey(Way::Network(Box::new(config)))))
}

/// The way to a cluster in this process: a client of it, commands on its nodes, and its time.
pub fn embedded(
    name: &str,
    client: Client,
    access: Arc<dyn NodeAccess>,
    clock: Clock,
) -> (Connection, WriteKey) {
    let connection = Connection {
        cluster: name.to_owned(),
        server: "this process".to_owned(),
        reader: Reader::new(client.clone()),
        kubeconfig: None,
        host: String::new(),
    };
    (connection, WriteKey(Way::Embedded { client, access, clock }))
}

fn client(config: Config) -> Result<Client> {
    Client::try_from(config).map_err(|e| match &e {
        kube::Error::Auth(_) => explain("kubeconfig", &e),
        _ => Error::usage(format!("kubeconfig: no client can be made of it: {e}"))
            .hint("look at the certificates and keys in: kubectl config view --minify"),
    })
}

/// A proxy's address may carry a password.
fn without_login(url: &http::Uri) -> String {
    let authority = url.authority().map(|a| a.as_str().rsplit('@').next().unwrap_or_default());
    format!("{}://{}", url.scheme_str().unwrap_or("http"), authority.unwrap_or_default())
}

fn read(settings: &Settings) -> Result<Kubeconfig> {
    let (source, result) = match &settings.kubeconfig {
        Some(path) => (path.display().to_string(), Kubeconfig::read_from(path)),
        None => ("KUBECONFIG or ~/.kube/config".to_owned(), Kubeconfig::read()),
    };
    result.map_err(|e| {
        Error::usage(format!("kubeconfig {source}: {e}"))
            .hint("name one with --kubeconfig FILE, or check: kubectl config view --minify")
    })
}

fn impersonate(config: &mut Config, wanted: &Impersonation) {
    if let Some(user) = &wanted.user {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !wanted.groups.is_empty() {
        config.auth_info.impersonate_groups = Some(wanted.groups.clone());
    }
    if let Some(uid) = &wanted.uid {
        config.auth_info.impersonate_uid = Some(uid.clone());
    }
}

/// The kubeconfig reduced to what this run uses, with the flags applied; and the name of its cluster.
fn minify(all: &Kubeconfig, settings: &Settings) -> Result<(Kubeconfig, String)> {
    let name = settings.context.as_ref().or(all.current_context.as_ref()).ok_or_else(|| {
        Error::usage("kubeconfig: no current context is set")
            .hint("name one with --context NAME; they are listed by: kubectl config get-contexts")
    })?;
    let context =
        all.contexts.iter().find(|c| &c.name == name).and_then(|c| c.context.clone()).ok_or_else(|| {
            Error::usage(format!("kubeconfig: context \"{name}\" does not exist"))
                .hint("they are listed by: kubectl config get-contexts")
        })?;
    let cluster_name = settings.cluster.clone().unwrap_or_else(|| context.cluster.clone());
    let cluster = find_cluster(all, &cluster_name, settings)?;
    let user_name = settings.user.clone().or_else(|| context.user.clone());
    let user = find_user(all, user_name.as_deref(), settings)?;
    let minimal = Kubeconfig {
        current_context: Some("cni-migrate".into()),
        contexts: vec![NamedContext {
            name: "cni-migrate".into(),
            context: Some(kube::config::Context {
                cluster: cluster_name.clone(),
                user: Some("caller".into()),
                ..context
            }),
            ..NamedContext::default()
        }],
        clusters: vec![cluster],
        auth_infos: vec![user],
        ..Kubeconfig::default()
    };
    Ok((minimal, cluster_name))
}

fn find_cluster(all: &Kubeconfig, name: &str, settings: &Settings) -> Result<NamedCluster> {
    let mut named = all.clusters.iter().find(|c| c.name == name).cloned().ok_or_else(|| {
        Error::usage(format!("kubeconfig: cluster \"{name}\" does not exist"))
            .hint("they are listed by: kubectl config get-clusters")
    })?;
    let cluster = named.cluster.get_or_insert_default();
    if let Some(server) = &settings.server {
        cluster.server = Some(server.clone());
    }
    if let Some(file) = &settings.certificate_authority {
        cluster.certificate_authority = Some(file.display().to_string());
        cluster.certificate_authority_data = None;
    }
    if settings.insecure {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    if let Some(server_name) = &settings.tls_server_name {
        cluster.tls_server_name = Some(server_name.clone());
    }
    if let Some(proxy) = &settings.proxy_url {
        cluster.proxy_url = Some(proxy.clone());
    }
    Ok(named)
}

fn find_user(all: &Kubeconfig, name: Option<&str>, settings: &Settings) -> Result<NamedAuthInfo> {
    let mut auth = match name {
        Some(name) => all
            .auth_infos
            .iter()
            .find(|u| u.name == name)
            .and_then(|u| u.auth_info.clone())
            .ok_or_else(|| Error::usage(format!("kubeconfig: user \"{name}\" does not exist")))?,
        None => kube::config::AuthInfo::default(),
    };
    if let Some(token) = &settings.token {
        auth =
            kube::config::AuthInfo { token: Some(token.clone().into()), ..kube::config::AuthInfo::default() };
    }
    // Also in the file, so that helm acts as the same user.
    let who = &settings.impersonation;
    auth.impersonate = who.user.clone().or(auth.impersonate);
    if !who.groups.is_empty() {
        auth.impersonate_groups = Some(who.groups.clone());
    }
    Ok(NamedAuthInfo { name: "caller".into(), auth_info: Some(auth), ..NamedAuthInfo::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_login() {
        let url = "http://jane:secret@proxy.example:3128/".parse().expect("a URL");
        assert_eq!(without_login(&url), "http://proxy.example:3128");
    }
}
