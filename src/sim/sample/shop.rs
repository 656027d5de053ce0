//! A small shop.

use super::Sample;
use crate::sim::builder::Builder;
use crate::sim::fixture::Workload;

/// See [`super::SAMPLES`].
pub(super) const SAMPLE: Sample =
    Sample { name: "shop", title: "a small shop: 4 nodes, a web tier and a database under budgets", build };

fn build() -> Builder {
    Builder::default().nodes(4).workloads([
        Workload::deployment("shop", "web", 5).min_available(4),
        Workload::stateful_set("shop", "db", 2).min_available(1),
        Workload::deployment("shop", "api", 1),
        Workload::daemon_set("shop", "log-collector"),
    ])
}
