//! The proof that every scenario ends with: what the cluster, the nodes and the meter show.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    snapshot::{PodState, Snapshot},
    world::{NEW_NETWORK, World},
};
use crate::{
    error::Error,
    meter::verdict::{Class, Side, Verdict},
};

/// The one file that a migrated node's container runtime reads.
const CILIUM_FILE: &str = "05-cilium.conflist";

impl World {
    /// Asserts that the migration is complete and that nobody noticed it.
    ///
    /// # Errors
    /// When the API or a node does not answer.
    pub(crate) fn prove_migrated(&mut self, before: &Snapshot) -> Result<(), Error> {
        self.settle()?;
        let after = self.snapshot()?;
        self.prove_pods_on_cilium(&after, |_| true)?;
        for node in self.node_names() {
            let files = self.cni_files(&node);
            self.checks.equal(&format!("{node} reads one CNI file"), &files, &vec![CILIUM_FILE.to_owned()]);
        }
        let residue = self.flannel_residue()?;
        self.checks.none("no Flannel object, link, route, rule, file or annotation is left", &residue);
        self.prove_undisturbed(before, &after, |_| true);
        self.prove_same_boots(before, &after, |_| true);
        let jobs: Vec<Value> = self.list("jobs")?;
        self.checks.none("no Job failed", &failed_jobs(&jobs));
        Ok(())
    }

    /// Asserts that every pod-network pod on the chosen nodes has an address of the new network and an endpoint of
    /// that address in Cilium.
    ///
    /// # Errors
    /// When the API does not answer.
    pub(crate) fn prove_pods_on_cilium(
        &mut self,
        now: &Snapshot,
        on: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let endpoints = endpoint_addresses(&self.list("ciliumendpoints.cilium.io")?);
        let pods: Vec<&PodState> = now.on_pod_network().filter(|pod| on(&pod.node)).collect();
        let strangers: Vec<String> = pods
            .iter()
            .filter(|pod| !in_new_network(&pod.address) || !endpoints.contains(&pod.address))
            .map(|pod| format!("{} on {} at {}", pod.name, pod.node, pod.address))
            .collect();
        self.checks.none(&format!("all {} pod-network pods are on Cilium", pods.len()), &strangers);
        Ok(())
    }

    /// Asserts that cordons and taints are as before, and that nothing restarted on the chosen nodes but the pods
    /// that had to move.
    pub(crate) fn prove_undisturbed(
        &mut self,
        before: &Snapshot,
        after: &Snapshot,
        on: impl Fn(&str) -> bool + Copy,
    ) {
        self.checks.none("every node's cordon and taints are as before", &after.cordons_changed(before));
        self.checks.none("restarts of untouched workloads are 0", &before.disturbed(after, on));
        self.checks.none("no container was started twice", &after.restarted(on));
    }

    /// Asserts that the chosen nodes were not rebooted.
    pub(crate) fn prove_same_boots(
        &mut self,
        before: &Snapshot,
        after: &Snapshot,
        on: impl Fn(&str) -> bool,
    ) {
        let boot =
            |snapshot: &Snapshot, node: &str| snapshot.nodes.get(node).map(|state| state.boot_id.clone());
        let rebooted: Vec<String> = self
            .node_names()
            .into_iter()
            .filter(|node| on(node) && boot(before, node) != boot(after, node))
            .collect();
        self.checks.none("no other node was rebooted", &rebooted);
    }

    /// Asserts that the meter measured all the time, on all paths of `classes`, and lost nothing that no restart of
    /// one of the two pods explains.
    ///
    /// # Errors
    /// When the meter's records cannot be read.
    pub(crate) fn prove_no_loss(&mut self, classes: &[Class]) -> Result<(), Error> {
        self.prove_no_loss_until(classes, Timestamp::now())
    }

    /// The same for the time before `until`, from which on the scenario itself breaks paths.
    ///
    /// # Errors
    /// When the meter's records cannot be read.
    pub(crate) fn prove_no_loss_until(&mut self, classes: &[Class], until: Timestamp) -> Result<(), Error> {
        let verdict = self.verdict(until)?;
        self.show(&verdict.to_string());
        self.checks.none("the meter measured without a pause", &verdict.silences);
        let share = verdict.unclear_share() * 1_000.0;
        self.checks.that(
            "the machine let the meter run: at most 1 in 1000 attempts is unclear",
            share <= 1.0,
            &format!("{share:.1} in 1000"),
        );
        for class in classes {
            self.checks.that(
                &format!("the meter tried {class}"),
                verdict.tallies.get(class).is_some_and(|tally| tally.attempts > 0),
                "no attempt",
            );
        }
        self.prove_tallies(&verdict);
        self.checks.none("each loss is explained by the restart of one of its two pods", &verdict.losses);
        Ok(())
    }

    fn prove_tallies(&mut self, verdict: &Verdict) {
        for (class, tally) in &verdict.tallies {
            let gap = tally.longest_gap.as_millis();
            self.checks.that(
                &format!("{class}: 0 of {} lost ({} excused)", tally.attempts, tally.excused),
                tally.lost == 0,
                &format!("{} lost, longest gap {gap} ms", tally.lost),
            );
        }
    }
}

/// Every class that a whole migration passes through.
pub(crate) fn all_classes() -> Vec<Class> {
    let sides = [Side::Old, Side::New];
    let pods = sides.into_iter().flat_map(|from| sides.map(|to| Class::Pods(from, to)));
    pods.chain([Class::Service, Class::Dns, Class::Api, Class::Held]).collect()
}

fn in_new_network(address: &str) -> bool {
    let network: Option<ipnet::IpNet> = NEW_NETWORK.parse().ok();
    address
        .parse()
        .is_ok_and(|address: std::net::IpAddr| network.is_some_and(|network| network.contains(&address)))
}

/// The IPv4 addresses of all CiliumEndpoints (`status.networking.addressing` of `cilium.io/v2`).
fn endpoint_addresses(endpoints: &[Value]) -> Vec<String> {
    let addressing = endpoints.iter().filter_map(|e| e.pointer("/status/networking/addressing")?.as_array());
    addressing.flatten().filter_map(|pair| pair["ipv4"].as_str().map(ToOwned::to_owned)).collect()
}

fn failed_jobs(jobs: &[Value]) -> Vec<String> {
    let failed =
        jobs.iter().filter(|job| job.pointer("/status/failed").and_then(Value::as_i64).unwrap_or(0) > 0);
    failed.map(|job| job["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_of_endpoints_are_read() {
        let endpoint = json!({"status": {"networking": {"addressing": [{"ipv4": "10.245.1.9"}], "node": "172.30.0.12"}}});
        assert_eq!(endpoint_addresses(&[endpoint, json!({})]), ["10.245.1.9"]);
    }

    #[test]
    fn the_new_network_is_told_from_the_old() {
        assert!(in_new_network("10.245.2.1") && !in_new_network("10.244.2.1") && !in_new_network(""));
    }

    #[test]
    fn a_failed_job_is_named() {
        let jobs = [
            json!({"metadata": {"name": "report"}, "status": {"active": 1}}),
            json!({"metadata": {"name": "import"}, "status": {"failed": 1}}),
        ];
        assert_eq!(failed_jobs(&jobs), ["import"]);
    }
}
