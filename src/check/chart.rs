//! CHART-001: helm gets Cilium's chart, and of the wanted version.

use super::{Check, Facts, Finding, Severity};
use crate::model::Read;

/// What helm said when it was asked for the chart that would be installed.
#[derive(Clone, Debug)]
pub struct ChartAnswer {
    /// The chart, as the operator wrote it.
    pub chart: String,
    /// Its version, or helm's words where it cannot be had.
    pub version: Result<String, String>,
}

pub(super) struct Chart;

impl Check for Chart {
    fn id(&self) -> &'static str {
        "CHART-001"
    }

    fn title(&self) -> &'static str {
        "helm gets the chart of the wanted version"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let wanted = &facts.intent.cilium_version;
        let finding = match &facts.chart {
            Read::Unknown(why) => {
                Finding::unknown(self, "chart", format!("helm could not be asked for it: {why}"))
            }
            Read::Known(ChartAnswer { chart, version: Ok(version) }) if version == wanted => {
                Finding::ok(self, chart, format!("version {version}"))
            }
            Read::Known(ChartAnswer { chart, version: Ok(version) }) => {
                Finding::failed(self, chart, format!("version {version}, expected {wanted}"))
                    .hint(format!("give the chart of that version, or --cilium-version {version}"))
            }
            Read::Known(ChartAnswer { chart, version: Err(why) }) => Finding::failed(self, chart, why).hint(
                format!(
                    "let this machine reach the repository, or name a mirror with --repo or a copy of the chart: \
                     --chart ./cilium-{wanted}.tgz"
                ),
            ),
        };
        vec![finding]
    }
}
