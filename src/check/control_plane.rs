//! NODE-005: there is more than one control-plane node, so that the API server answers while one is down.

use super::{Check, Facts, Finding, Level, Severity};
use crate::model::{Node, RebootMode};
use crate::report::count;

pub(super) struct ControlPlane;

impl Check for ControlPlane {
    fn id(&self) -> &'static str {
        "NODE-005"
    }

    fn title(&self) -> &'static str {
        "the API server outlives the reboot of a node"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let plane: Vec<&Node> = facts.snapshot.nodes.iter().filter(|n| n.is_control_plane()).collect();
        let subject = count(plane.len(), "control-plane node");
        vec![match plane.as_slice() {
            [] => Finding::new(self, Level::Info, subject, "the control plane is not among the nodes: it is managed")
                .hint(
                    "see that it routes to the new pod range, or that webhooks and aggregated APIs run on the host \
                     network (HOOK-001, API-001)",
                ),
            [only] if facts.intent.reboot == RebootMode::Never => {
                let message = format!("{} is the only one; it is not rebooted", only.name);
                Finding::new(self, Level::Info, subject, message)
                    .hint("with --reboot the API server would be away until the node is back")
            }
            [only] => {
                let message = format!("{} is the only one: the API server is away during its reboot", only.name);
                Finding::failed(self, subject, message)
                    .hint("migrate it last and expect a pause, or use --reboot never")
            }
            _ => Finding::ok(self, subject, "one at a time is away"),
        }]
    }
}
