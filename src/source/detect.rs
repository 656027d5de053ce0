//! From what was observed to one source CNI, to none, or to a contradiction that a person must resolve.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Evidence, EvidenceKind, Parameters, Problem, SOURCES, SourceCni, others, some};
use crate::model::{Pod, Snapshot};

/// How many independent kinds of evidence it takes to believe in a source.
const ENOUGH: usize = 2;

/// Evidence that speaks for one CNI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The CNI, or what else claims to be the pod network.
    pub by: String,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// Which CNI the cluster comes from.
#[derive(Clone, Debug)]
pub enum Detection {
    /// One source, and everything agrees.
    One {
        /// The source.
        source: &'static dyn SourceCni,
        /// Its pod network.
        parameters: Parameters,
        /// What speaks for it: at least two kinds.
        evidence: Vec<Evidence>,
    },
    /// One source, but its parameters are not understood.
    Unreadable {
        /// The source.
        source: &'static dyn SourceCni,
        /// What is missing or was not understood.
        problems: Vec<Problem>,
        /// What speaks for it.
        evidence: Vec<Evidence>,
    },
    /// No source that can be migrated from; also after a clean-up, when the journal knows the inventory.
    None {
        /// What was seen instead: other CNIs, and sources with too little evidence.
        seen: Vec<Claim>,
    },
    /// More than one answer.
    Contradiction {
        /// Who claims what.
        claims: Vec<Claim>,
    },
}

impl Detection {
    /// The source and its parameters, where there is exactly one.
    pub fn one(&self) -> Option<(&'static dyn SourceCni, &Parameters)> {
        match self {
            Self::One { source, parameters, .. } => Some((*source, parameters)),
            _ => None,
        }
    }
}

/// Recognises the source CNI.
///
/// At least two independent kinds of evidence must agree. A DaemonSet of another CNI, or pods with addresses
/// outside of the claimed network, contradict; Cilium's DaemonSet and its addresses do not, since a migration
/// has both networks.
pub fn detect(snapshot: &Snapshot) -> Detection {
    let others = others::seen(snapshot);
    let (strong, weak): (Vec<_>, Vec<_>) = SOURCES
        .iter()
        .map(|source| (*source, source.evidence(snapshot)))
        .filter(|(_, evidence)| !evidence.is_empty())
        .partition(|(_, evidence)| kinds(evidence) >= ENOUGH);
    let claim = |(source, evidence): (&dyn SourceCni, _)| Claim { by: source.id().to_owned(), evidence };
    match <[_; 1]>::try_from(strong) {
        Ok([(source, evidence)]) => judge(snapshot, source, evidence, others),
        Err(strong) if strong.is_empty() => {
            Detection::None { seen: others.into_iter().chain(weak.into_iter().map(claim)).collect() }
        }
        Err(strong) => Detection::Contradiction { claims: strong.into_iter().map(claim).collect() },
    }
}

fn kinds(evidence: &[Evidence]) -> usize {
    evidence.iter().map(|e| e.kind).collect::<BTreeSet<_>>().len()
}

/// Looks for what speaks against the only source.
fn judge(
    snapshot: &Snapshot,
    source: &'static dyn SourceCni,
    evidence: Vec<Evidence>,
    others: Vec<Claim>,
) -> Detection {
    let parameters = source.parameters(snapshot);
    let mut against: Vec<Claim> = others.into_iter().filter(|claim| claim.by != others::CILIUM).collect();
    if let Ok(parameters) = &parameters {
        against.extend(strangers(snapshot, &parameters.networks));
    }
    if !against.is_empty() {
        against.insert(0, Claim { by: source.id().to_owned(), evidence });
        return Detection::Contradiction { claims: against };
    }
    match parameters {
        Ok(parameters) => Detection::One { source, parameters, evidence },
        Err(problems) => Detection::Unreadable { source, problems, evidence },
    }
}

/// Pods with an address that neither the source's networks nor Cilium can have given.
fn strangers(snapshot: &Snapshot, networks: &[IpNet]) -> Option<Claim> {
    let cilium = &snapshot.cilium;
    let endpoints: BTreeSet<IpAddr> = cilium.endpoints.iter().flat_map(|e| e.ips.iter().copied()).collect();
    let pools: Vec<IpNet> = cilium.nodes.iter().flat_map(|n| n.pod_cidrs.iter().copied()).collect();
    let known = |ip: &IpAddr| networks.iter().chain(&pools).any(|n| n.contains(ip)) || endpoints.contains(ip);
    let strange = |pod: &&Pod| pod.on_pod_network() && !pod.ips.iter().all(known);
    let pods: Vec<String> = snapshot
        .pods
        .iter()
        .filter(strange)
        .map(|pod| format!("{} ({})", pod.reference(), some(&pod.ips)))
        .collect();
    (!pods.is_empty()).then(|| Claim {
        by: "another pod network".to_owned(),
        evidence: vec![Evidence {
            kind: EvidenceKind::PodAddress,
            object: format!("Pods {}", some(&pods)),
            says: format!("have addresses outside of {} and of Cilium's pools", some(networks)),
        }],
    })
}
