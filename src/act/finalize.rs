//! The final values: helm upgrade, agents one by one, the operator, and last the CiliumNodeConfig goes.
//!
//! The order matters: without the final values an agent that lost its CiliumNodeConfig would no longer manage the
//! node's CNI configuration (research/cilium.md 1.4).

use tokio::time::Instant;

use super::engine::Engine;
use super::install::Installation;
use super::rollout;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::{Delete, Poll, until};
use crate::model::Pod;
use crate::plan::Step;
use crate::report::count;
use crate::target::{NODE_CONFIG_NAME, expected_agent_config};
use crate::verify::Census;

impl Engine<'_> {
    /// Makes Cilium the only CNI configuration of the cluster.
    ///
    /// # Errors
    /// A refusal while a pod is not on Cilium.
    pub async fn finalize(&mut self, what: &Installation<'_>) -> Result<()> {
        let begun = Instant::now();
        self.may_go_on()?;
        self.all_pods_on_cilium("finalize").await?;
        let release = self.release().await?.ok_or_else(|| {
            Error::no(format!("there is no Helm release {} in {}", what.job.release, what.job.namespace))
        })?;
        let changes = release.values != what.job.values || release.status != "deployed";
        if self.is_dry() {
            return self.would_finalize(what, changes).await;
        }
        self.journal.intend(&Step::Finalize.id()).await?;
        self.report.event(&Event::Started { step: "finalize".into() });
        self.ensure_ipsec_key(what).await?;
        if changes {
            what.helm.upgrade(&what.job).await?;
        }
        let options = expected_agent_config(&what.job.values);
        let restarted = rollout::restart_agents(self, &options).await?;
        rollout::restart_operator(self, &what.job.namespace).await?;
        self.remove_node_config(&what.job.namespace).await?;
        rollout::agents_ready(self, "finalize").await?;
        self.journal.done(&Step::Finalize.id());
        self.journal.save().await?;
        let detail = format!(
            "{} restarted one by one and the operator; {} proven on every agent",
            count(restarted, "agent"),
            count(options.len(), "option")
        );
        self.report.event(&Event::Done { step: "finalize".into(), detail, took: Some(begun.elapsed()) });
        Ok(())
    }

    /// Refuses while any pod of the pod network is not on Cilium.
    pub(super) async fn all_pods_on_cilium(&self, verb: &str) -> Result<()> {
        let source = &self.journal.record().source_networks;
        until("pods on cilium", self.options.timeout, super::engine::TICK * 2, async || {
            let snapshot = self.observer.nodes_and_endpoints().await?;
            let unmigrated = snapshot.nodes.iter().find(|n| !n.is_labelled());
            if let Some(node) = unmigrated {
                return Err(Error::no(format!("{verb} is too early: node {} is not migrated", node.name))
                    .hint("see what is left: kubectl cni-migrate status"));
            }
            let add = |census: &mut Census, pod: &Pod| census.add(pod, &snapshot, source);
            let census = self.observer.sum_of_pods(&snapshot.nodes, add).await?;
            if census.source > 0 {
                return Err(Error::no(format!(
                    "{verb} is too early: {} of {} with an address of the old network",
                    census.source,
                    count(census.total(), "pod")
                ))
                .hint("see which: kubectl cni-migrate verify"));
            }
            // Pods that just start are no reason to refuse; they are waited for.
            Ok(match census.unknown.first() {
                Some((pod, why)) => Poll::Pending(format!("{pod}: {why}")),
                None if census.waiting > 0 => {
                    Poll::Pending(format!("{} without an address yet", count(census.waiting, "pod")))
                }
                None => Poll::Ready(()),
            })
        })
        .await
    }

    pub(super) async fn remove_node_config(&self, namespace: &str) -> Result<()> {
        let Some(version) = self.observer.node_config_version().await? else { return Ok(()) };
        self.may_go_on()?;
        let path = format!("/apis/{version}/namespaces/{namespace}/ciliumnodeconfigs/{NODE_CONFIG_NAME}");
        self.writer.delete(&path, &Delete::default()).await
    }
}
