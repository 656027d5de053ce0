//! HELM-001: helm is there and new enough.

use super::{Check, Facts, Finding, Severity};
use crate::model::Read;
use crate::target::minor_of;

/// The oldest helm that this tool drives, major and minor.
const OLDEST: (u32, u32) = (3, 16);

pub(super) struct Helm;

impl Check for Helm {
    fn id(&self) -> &'static str {
        "HELM-001"
    }

    fn title(&self) -> &'static str {
        "helm is there and new enough"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let install = "install helm 3.16 or newer, or name it with --helm-bin";
        let finding = match &facts.helm {
            Read::Unknown(why) => {
                Finding::unknown(self, "helm", format!("its version could not be read: {why}"))
            }
            Read::Known(None) => Finding::failed(self, "helm", "was not found").hint(install),
            Read::Known(Some(text)) => match minor_of(text.trim()) {
                None => Finding::unknown(self, "helm", format!("version {text:?} was not understood")),
                Some(minor) if minor < OLDEST => {
                    Finding::failed(self, "helm", format!("{text}, expected 3.16 or newer")).hint(install)
                }
                Some(_) => Finding::ok(self, "helm", text),
            },
        };
        vec![finding]
    }
}
