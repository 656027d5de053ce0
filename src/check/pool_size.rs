//! CIDR-004: Cilium's pool gives every node a block, and every block is large enough.

use super::{Check, Facts, Finding, Level, Severity, or_ok};
use crate::model::{Node, Pool};
use crate::report::count;
use crate::source::some;

pub(super) struct PoolSize;

impl Check for PoolSize {
    fn id(&self) -> &'static str {
        "CIDR-004"
    }

    fn title(&self) -> &'static str {
        "Cilium's pool is large enough for the nodes and their pods"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pool = Pool { range: facts.intent.pod_cidr, mask: facts.intent.mask_size };
        let nodes = &facts.snapshot.nodes;
        let subject = format!("{} /{}", pool.range, pool.mask);
        let blocks = pool.nodes();
        let needed = nodes.len() as u64;
        let mut findings = Vec::new();
        if blocks < needed {
            let message = format!("gives {} a block, the cluster has {needed}", count(blocks, "node"));
            findings
                .push(Finding::failed(self, &subject, message).hint(
                    "choose a larger --target-pod-cidr or a longer --target-mask-size: neither can be changed later",
                ));
        } else if blocks == needed {
            let message = format!(
                "gives {} a block, as many as the cluster has: no node can be added",
                count(blocks, "node")
            );
            findings.push(
                Finding::new(self, Level::Warning, &subject, message)
                    .hint("choose a larger --target-pod-cidr: the range can only be appended to later"),
            );
        }
        let room = pool.pods_per_node();
        let crowded = |node: &&Node| u64::from(node.max_pods) > room;
        let names: Vec<_> =
            nodes.iter().filter(crowded).map(|n| format!("{} ({})", n.name, n.max_pods)).collect();
        if !names.is_empty() {
            let message = format!(
                "a block holds {}, fewer than the kubelets allow on {}",
                count(room, "pod"),
                some(&names)
            );
            findings.push(
                Finding::new(self, Level::Warning, &subject, message)
                    .hint("choose a shorter --target-mask-size, or keep to fewer pods a node"),
            );
        }
        or_ok(findings, || {
            let message =
                format!("{} of {} for {}", count(blocks, "block"), count(room, "pod"), count(needed, "node"));
            Finding::ok(self, &subject, message)
        })
    }
}
