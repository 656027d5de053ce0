//! The embedded cluster as the tool's own code sees a cluster: a client, commands on nodes, helm, and the time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{HeaderValue, USER_AGENT};
use kube::Client;
use kube::client::Body;
use tokio::sync::mpsc::UnboundedReceiver;
use tower::service_fn;

use super::api;
use super::cluster::Sim;
use super::helm_line::helm;
use super::store::PodChange;
use crate::ctx::Embedded;
use crate::error::{Error, Result};
use crate::helm::StandIn;
use crate::kube::{Clock, ExecOutput, NodeAccess};

/// An answer that does not come within this time is given up, as the tool's client does on a network.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Who calls; a client over a network says so by itself.
const AGENT: HeaderValue = HeaderValue::from_static("kubectl-cni-migrate");
/// The helm that an embedded cluster seems to have.
const HELM: &str = "v3.18.0";

impl Sim {
    /// What the verbs need of a cluster, without sockets and processes, so that it also works on a paused clock.
    pub fn embedded(&self, name: &str) -> Embedded {
        let client = self.patient_client();
        Embedded {
            name: name.to_owned(),
            client: client.clone(),
            access: Arc::new(self.clone()),
            helm: Ok(Arc::new(Helm(client))),
            clock: Clock::from(self.now()),
        }
    }

    /// Every change of a pod from now on; one listener at a time.
    pub(crate) fn changes(&self) -> UnboundedReceiver<PodChange> {
        self.shared().lock().store.listen()
    }

    /// Notes no requests from now on.
    pub fn stop_log(&self) {
        self.shared().lock().log.stop();
    }

    fn patient_client(&self) -> Client {
        let shared = self.shared();
        let service = service_fn(move |mut request: http::Request<Body>| {
            let shared = shared.clone();
            request.headers_mut().entry(USER_AGENT).or_insert(AGENT);
            async move {
                match tokio::time::timeout(READ_TIMEOUT, api::handle(&shared, request)).await {
                    Ok(answer) => answer.map_err(tower::BoxError::from),
                    Err(late) => Err(tower::BoxError::from(late)),
                }
            }
        });
        Client::new(service, "default")
    }
}

#[async_trait]
impl NodeAccess for Sim {
    async fn run(&self, namespace: &str, pod: &str, argv: &[&str]) -> Result<ExecOutput> {
        let outcome = self.exec(namespace, pod, "cilium-agent", argv).map_err(|e| {
            let text = format!("exec in {namespace}/{pod}: {}: {e}", argv.join(" "));
            // A node that is down may come back; so a caller on a network would think too.
            Error { transient: true, ..Error::failed(text) }
        })?;
        Ok(ExecOutput { code: outcome.code, stdout: outcome.stdout, stderr: outcome.stderr })
    }
}

/// helm, in this process.
#[derive(Clone)]
struct Helm(Client);

impl std::fmt::Debug for Helm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("helm of an embedded cluster")
    }
}

#[async_trait]
impl StandIn for Helm {
    async fn call(&self, args: &[String]) -> std::result::Result<String, String> {
        helm(&self.0, HELM, args.to_vec()).await
    }
}
