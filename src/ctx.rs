//! What a verb gets: the terminal, the way to the cluster, helm, and an engine where it writes.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crate::act::{Cancel, Cover, Engine, Options, Peers};
use crate::error::{Error, Result};
use crate::event::Reporter;
use crate::helm::{self, Helm, Installer, StandIn};
use crate::journal::{Journal, Lease, Record, holder};
use crate::kube::{Clock, Connection, NodeAccess, Reader, Settings, WriteKey, Writer, connect, embedded};
use crate::model::DryRun;
use crate::observe::Observer;
use crate::ui::Ui;

/// What every verb gets.
pub struct Ctx {
    /// The terminal.
    pub ui: Ui,
    /// Where the cluster is.
    pub place: Place,
    /// Set by the first signal.
    pub cancel: Cancel,
    /// User, host and process, for the lease.
    pub who: String,
    /// Also hears what the engine tells.
    pub listener: Option<Arc<dyn Reporter>>,
}

/// Where a cluster is.
pub enum Place {
    /// Behind a kubeconfig.
    Live {
        /// kubectl's global flags.
        settings: Settings,
        /// `--helm-bin`, else `HELM_BIN`.
        helm_bin: Option<PathBuf>,
    },
    /// In this process.
    Embedded(Embedded),
}

/// A cluster in this process.
#[derive(Clone)]
pub struct Embedded {
    /// What its kubeconfig entry would be called.
    pub name: String,
    /// Calls it.
    pub client: ::kube::Client,
    /// Commands on its nodes.
    pub access: Arc<dyn NodeAccess>,
    /// Its helm, or why there is none.
    pub helm: std::result::Result<Arc<dyn StandIn>, String>,
    /// Its time.
    pub clock: Clock,
}

/// A connection to one cluster; there is no way from here to anything that changes it.
pub struct Session {
    /// Single questions.
    pub reader: Reader,
    /// Eyes.
    pub observer: Observer,
    /// helm, which can only be asked; or why there is none.
    pub helm: Result<Helm>,
    /// Host name or address by which the API server is reached.
    pub host: String,
    // Deleted when the session ends.
    _kubeconfig: Option<tempfile::NamedTempFile>,
}

/// What changes the cluster of a [`Session`].
pub struct Hands {
    /// The API.
    pub writer: Writer,
    /// Commands on nodes.
    pub access: Arc<dyn NodeAccess>,
    /// helm, or why there is none.
    helm: Result<Installer>,
}

impl Ctx {
    /// Connects to the cluster for looking, and finds helm and the release.
    ///
    /// # Errors
    /// Usage for a kubeconfig that names no cluster; failed where the API server does not answer.
    pub async fn session(&self, release: &str, namespace: &str) -> Result<Session> {
        Ok(self.connect(release, namespace).await?.0)
    }

    /// Connects to the cluster for changing it.
    ///
    /// # Errors
    /// Those of [`Ctx::session`].
    pub async fn session_with_hands(&self, release: &str, namespace: &str) -> Result<(Session, Hands)> {
        let (session, key) = self.connect(release, namespace).await?;
        let (writer, access) = key.into_hands()?;
        let helm = session.helm.as_ref().map(|helm| Installer::new(helm.clone())).map_err(Error::copy);
        Ok((session, Hands { writer, access, helm }))
    }

    async fn connect(&self, release: &str, namespace: &str) -> Result<(Session, WriteKey)> {
        let (connection, key) = match &self.place {
            Place::Live { settings, .. } => connect(settings).await?,
            Place::Embedded(it) => embedded(&it.name, it.client.clone(), it.access.clone(), it.clock),
        };
        let kubeconfig = connection.kubeconfig.as_deref().map(private_file).transpose()?;
        let helm = match &self.place {
            Place::Live { helm_bin, .. } => {
                let kubeconfig = kubeconfig.as_ref().map(|file| file.path().to_owned());
                Helm::locate(&helm::Options { bin: helm_bin.clone(), kubeconfig }).await
            }
            Place::Embedded(it) => match &it.helm {
                Ok(answers) => Helm::stand_in(answers.clone()).await,
                Err(why) => Err(Error::helm(why)),
            },
        };
        let place = || format!("cluster {} at {}", connection.cluster, connection.server);
        let observer = Observer::new(connection.reader.clone(), &connection.cluster).await;
        let mut observer = observer.map_err(|e| e.context(place()))?;
        if let Ok(helm) = &helm {
            observer = observer.with_release(helm.clone(), release, namespace);
        }
        let Connection { reader, host, .. } = connection;
        Ok((Session { reader, observer, helm, host, _kubeconfig: kubeconfig }, key))
    }

    /// Ends at the second signal; the first one only asks the run to stop at the next safe point.
    pub async fn interrupted(&self) {
        for asked in [false, true] {
            // Without a handler the default action of the signal is what is left.
            if wait_for_signal().await.is_err() {
                return std::future::pending().await;
            }
            if !asked {
                self.ui.status("stopping after this step; a second signal stops at once");
                self.cancel.set();
            }
        }
    }

    /// An engine that holds the lease, or for a dry run one that stores nothing; `fresh` makes the record of a new
    /// migration.
    pub async fn engine<'a>(
        &self,
        session: &Session,
        hands: &'a Hands,
        report: &'a dyn Reporter,
        options: Options,
        fresh: impl FnOnce() -> Result<Record>,
    ) -> Result<Engine<'a>> {
        let (reader, writer) = (session.reader.clone(), &hands.writer);
        let uid = &session.observer.cluster().uid;
        let (writer, lease) = match options.dry_run {
            DryRun::None => {
                let lease = Lease::acquire(reader.clone(), writer.clone(), self.who.clone(), report).await?;
                (writer.clone(), Some(lease))
            }
            DryRun::Client | DryRun::Server => (writer.dry_run(), None),
        };
        let journal = match Journal::open(&reader, writer.clone(), uid, fresh).await {
            Ok(journal) => journal,
            Err(e) => {
                if let Some(lease) = lease {
                    lease.release().await;
                }
                return Err(e);
            }
        };
        Ok(Engine {
            observer: session.observer.clone(),
            writer,
            access: &*hands.access,
            journal,
            lease,
            report,
            options,
            cancel: self.cancel.clone(),
            peers: Peers::default(),
            cover: Cover::default(),
        })
    }
}

impl Hands {
    /// helm, or the error that says how to get it.
    pub fn helm(&self) -> Result<&Installer> {
        self.helm.as_ref().map_err(Error::copy)
    }
}

/// SIGINT or SIGTERM.
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// Who runs this, as the lease and people see it.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and in main only")]
pub fn who() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "unknown".into());
    holder(&user, host.trim(), std::process::id())
}

/// A file that only the caller can read: it holds credentials.
fn private_file(text: &str) -> Result<tempfile::NamedTempFile> {
    let broken =
        |e: std::io::Error| Error::failed(format!("a temporary kubeconfig could not be written: {e}"));
    let mut file =
        tempfile::Builder::new().prefix("cni-migrate-").suffix(".kubeconfig").tempfile().map_err(broken)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(broken)?;
    Ok(file)
}
