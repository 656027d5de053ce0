//! KERNEL-001: every node's kernel is one that the wanted Cilium is documented for; the agent does not refuse
//! older ones by itself.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::report::count;
use crate::source::some;
use crate::target::Target;

pub(super) struct Kernel;

impl Check for Kernel {
    fn id(&self) -> &'static str {
        "KERNEL-001"
    }

    fn title(&self) -> &'static str {
        "every kernel is new enough for Cilium"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let subject = count(nodes.len(), "node");
        let target = match Target::of(&facts.intent.cilium_version) {
            Ok(target) => target,
            Err(error) => return vec![Finding::unknown(self, subject, error.message)],
        };
        let (minor, kernel) = (target.minor, target.kernel);
        let needed = format!("Cilium {}.{} wants {}.{} or newer", minor.0, minor.1, kernel.0, kernel.1);
        let named = |accepted: Option<bool>| {
            let nodes = nodes.iter().filter(|node| target.accepts_kernel(&node.kernel) == accepted);
            nodes.map(|node| format!("{} ({})", node.name, node.kernel)).collect::<Vec<_>>()
        };
        let (old, odd) = (named(Some(false)), named(None));
        let old = (!old.is_empty()).then(|| {
            Finding::failed(self, some(&old), format!("kernel too old: {needed}"))
                .hint("upgrade these nodes first")
        });
        let odd = (!odd.is_empty())
            .then(|| Finding::unknown(self, some(&odd), format!("kernel version not understood; {needed}")));
        or_ok(old.into_iter().chain(odd).collect(), || {
            Finding::ok(self, subject, format!("new enough: {needed}"))
        })
    }
}
