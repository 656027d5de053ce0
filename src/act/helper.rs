//! Helper pods: one node, one command, a time limit, gone afterwards.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::engine::{Engine, TICK};
use crate::error::{Error, Result};
use crate::kube::{Delete, Poll, Refusal, explain, refusal, until, until_told};
use crate::model::{Phase, Pod};

/// Helpers need a namespace that admits privileged pods; Cilium's own does.
const NAMESPACE: &str = "kube-system";
const LABEL: &str = "cni-migrate.dev/helper";
const LIMIT_SECONDS: u64 = 120;

/// A pod that runs one command of this binary on a node.
pub(super) struct Helper<'a> {
    /// What it is for: part of its name.
    pub(super) purpose: &'static str,
    /// The node.
    pub(super) node: &'a str,
    /// Arguments of this binary.
    pub(super) args: Vec<String>,
    /// Privileged, in the node's process namespace.
    pub(super) privileged: bool,
    /// Folders of the node that are mounted at the same place.
    pub(super) folders: Vec<String>,
}

impl Helper<'_> {
    fn name(&self) -> String {
        let hash: String =
            Sha256::digest(self.node).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("cni-migrate-{}-{hash}", self.purpose)
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{NAMESPACE}/pods/{}", self.name())
    }

    fn manifest(&self, image: &str) -> Value {
        let volume = |(index, path): (usize, &String)| json!({"name": format!("f{index}"), "hostPath": {"path": path}});
        let mount = |(index, path): (usize, &String)| json!({"name": format!("f{index}"), "mountPath": path});
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": self.name(), "namespace": NAMESPACE,
                "labels": {LABEL: self.purpose, "app.kubernetes.io/managed-by": "kubectl-cni-migrate"},
            },
            "spec": {
                "nodeName": self.node, "hostNetwork": true, "hostPID": self.privileged, "restartPolicy": "Never",
                "activeDeadlineSeconds": LIMIT_SECONDS, "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "tolerations": [{"operator": "Exists"}],
                "volumes": self.folders.iter().enumerate().map(volume).collect::<Vec<_>>(),
                "containers": [{
                    "name": "helper", "image": image, "imagePullPolicy": "IfNotPresent",
                    "command": ["kubectl-cni_migrate"], "args": self.args,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "securityContext": {"privileged": self.privileged, "runAsUser": 0},
                    "volumeMounts": self.folders.iter().enumerate().map(mount).collect::<Vec<_>>(),
                }],
            },
        })
    }

    /// Starts it; one that is there already from an interrupted run is replaced.
    pub(super) async fn start(&self, engine: &Engine<'_>) -> Result<()> {
        engine.may_go_on()?;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let body = self.manifest(&engine.options.probe_image);
        until(&format!("helper pod {}", self.name()), engine.options.timeout, TICK, async || {
            match engine.writer.create(&path, &body).await {
                Ok(_) => Ok(Poll::Ready(())),
                Err(e) if refusal(&e) == Refusal::Exists => {
                    self.remove(engine).await?;
                    Ok(Poll::Pending("an earlier one is being deleted".into()))
                }
                Err(e) => Err(explain(&format!("creating helper pod {}", self.name()), &e)),
            }
        })
        .await
    }

    /// Its pod, where it is there.
    pub(super) async fn pod(&self, engine: &Engine<'_>) -> Result<Option<Pod>> {
        engine.observer.pod(NAMESPACE, &self.name()).await
    }

    /// Runs it to its end and gives its termination message.
    pub(super) async fn run(&self, engine: &Engine<'_>) -> Result<String> {
        self.start(engine).await?;
        let what = format!("helper pod {} on node {}", self.name(), self.node);
        let limit = Duration::from_secs(LIMIT_SECONDS);
        let watch = engine.observer.watch_pod(NAMESPACE, &self.name());
        let result = until_told(&what, limit, TICK, watch, async || match self.pod(engine).await? {
            Some(pod) if pod.is_finished() => Ok(Poll::Ready(pod)),
            Some(pod) => Ok(Poll::Watched(pod.waiting.map_or("it has not finished".into(), Into::into))),
            None => Err(Error::failed(format!("{what} vanished"))),
        })
        .await;
        self.remove(engine).await?;
        let pod = result?;
        let message = pod.message.as_deref().unwrap_or_default().to_owned();
        if pod.phase == Phase::Failed {
            return Err(Error::failed(format!("{what} failed: {message}")));
        }
        Ok(message)
    }

    /// Deletes it.
    pub(super) async fn remove(&self, engine: &Engine<'_>) -> Result<()> {
        engine.writer.delete(&self.path(), &Delete { grace_seconds: Some(0), ..Delete::default() }).await
    }
}
