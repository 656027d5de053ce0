//! NODE-006: no kubelet is newer than the API server, or more than three minors older.

use super::{Check, Facts, Finding, Level, Severity, verdict};
use crate::model::Node;
use crate::report::count;
use crate::target::{Minor, minor_of};

/// How many minors a kubelet may be older (Kubernetes version skew policy).
const OLDER: u32 = 3;

pub(super) struct KubeletVersions;

impl Check for KubeletVersions {
    fn id(&self) -> &'static str {
        "NODE-006"
    }

    fn title(&self) -> &'static str {
        "the kubelets fit the API server"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let api = facts.snapshot.cluster.minor;
        let names = |wanted: &dyn Fn(Option<Minor>) -> bool| {
            let found = nodes.iter().filter(|node| wanted(minor_of(&node.kubelet_version)));
            found.map(named).collect::<Vec<_>>()
        };
        let odd = names(&|minor| minor.is_none());
        if !odd.is_empty() {
            return vec![Finding::unknown(self, odd.join(", "), "kubelet version not understood")];
        }
        let skewed = names(&|minor| minor.is_none_or(|minor| !fits(minor, api)));
        let mixed = names(&|minor| minor != Some(api));
        let subject = count(nodes.len(), "node");
        let ok = if mixed.is_empty() {
            Finding::ok(self, subject, format!("all kubelets are {}.{}", api.0, api.1))
        } else {
            let message = format!("{} of another minor than the API server", count(mixed.len(), "kubelet"));
            Finding::new(self, Level::Info, subject, message)
                .hint("finish the upgrade of Kubernetes first: two changes at once are hard to tell apart")
        };
        let hint = "upgrade Kubernetes to the end first: this skew is not supported";
        verdict(
            self,
            "node",
            &skewed,
            &format!("kubelet does not fit API server {}.{}", api.0, api.1),
            hint,
            ok,
        )
    }
}

fn fits(kubelet: Minor, api: Minor) -> bool {
    kubelet.0 == api.0 && kubelet.1 <= api.1 && kubelet.1 + OLDER >= api.1
}

fn named(node: &Node) -> String {
    format!("{} ({})", node.name, node.kubelet_version)
}
