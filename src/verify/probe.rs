//! Running the probe matrix: servers on the nodes that take part, clients that end with a result.

use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::matrix::{Client, Member, Shared, Side, expected, participants};
use super::paths::{Path, Verdict, judge};
use super::pods;
use crate::agent::{Results, Spec};
use crate::error::{Error, Result};
use crate::event::{Event, Reporter};
use crate::kube::{Delete, Poll, Refusal, Writer, explain, refusal, until, until_told};
use crate::model::{Phase, Pod, Snapshot};
use crate::observe::Observer;

/// Namespace of the probe pods.
pub const NAMESPACE: &str = "cni-migrate-probe";
/// Host clients need a namespace that admits the host's network.
const HOST_NAMESPACE: &str = "kube-system";
const SERVICE: &str = "probe";
const ATTEMPTS: u32 = 20;
const INTERVAL_MS: u64 = 100;
/// What a client's connections take by themselves.
const PROBING: Duration = Duration::from_millis(INTERVAL_MS * ATTEMPTS as u64);
/// Routes to a new node's block take a moment to arrive everywhere: a failed round is repeated so often.
const ROUNDS: usize = 3;
/// How often probe pods are looked at while they change.
const TICK: Duration = Duration::from_millis(300);
const SERVER_LIMIT: Duration = Duration::from_mins(2);
const CLIENT_LIMIT: Duration = Duration::from_secs(90);

/// Runs probes.
pub struct Prober<'a> {
    /// Reads.
    pub observer: &'a Observer,
    /// Writes probe pods, their Service and their namespace; nothing else.
    pub writer: &'a Writer,
    /// Image that carries this binary.
    pub image: &'a str,
    /// Is told of waits.
    pub report: &'a dyn Reporter,
}

impl Prober<'_> {
    /// Proves the paths of one node; `snapshot` knows all nodes.
    ///
    /// # Errors
    /// Where the probes could not be run; paths that do not answer are in the verdict.
    pub async fn prove(&self, subject: &str, snapshot: &Snapshot) -> Result<Verdict> {
        let nodes: Vec<(String, Side)> = snapshot
            .nodes
            .iter()
            .filter(|n| n.is_ready() || &*n.name == subject)
            .map(|n| (n.name.to_string(), Side::of(n)))
            .collect();
        let chosen = participants(subject, &nodes);
        let shared = self.prepare().await?;
        let begun = Instant::now();
        let members = self.servers(&chosen, snapshot).await?;
        let mut pod_start = begun.elapsed();
        let wrong = wrong_addresses(&members, snapshot);
        if !wrong.is_empty() {
            return Ok(Verdict { paths: wrong, pod_start });
        }
        let clients = expected(subject, &members, &shared);
        let mut verdict = Verdict::default();
        for round in 0..ROUNDS {
            let begun = Instant::now();
            verdict = self.round(&clients, round).await?;
            pod_start += begun.elapsed().saturating_sub(PROBING);
            if verdict.passed() {
                break;
            }
            let failed: Vec<_> = verdict.failures().map(|p| p.id.as_str()).take(3).collect();
            let reason = format!("round {} of {ROUNDS}: no answer on {}", round + 1, failed.join(", "));
            self.report.event(&Event::Waiting { step: "verify".into(), reason });
        }
        if verdict.passed() {
            self.dismiss(subject, &members).await?;
        }
        Ok(Verdict { pod_start, ..verdict })
    }

    /// Removes the server of a node that was proven, where another migrated one stays as a peer for the nodes to come:
    /// a server on every node would be an endpoint of the Service on every node, and each change of one a write of all.
    async fn dismiss(&self, subject: &str, members: &[Member]) -> Result<()> {
        if members.iter().any(|m| m.side == Side::New && m.node != subject) {
            self.delete(NAMESPACE, &pods::server_name(subject)).await?;
        }
        Ok(())
    }

    /// Removes every probe pod, and with `namespace` the namespace as well.
    pub async fn clean(&self, namespace: bool) -> Result<()> {
        self.remove("client").await?;
        if namespace {
            let path = format!("/api/v1/namespaces/{NAMESPACE}");
            return self.writer.delete(&path, &Delete::default()).await;
        }
        self.remove("server").await
    }

    async fn remove(&self, role: &str) -> Result<()> {
        for namespace in [NAMESPACE, HOST_NAMESPACE] {
            for pod in self.observer.pods_in(namespace, &format!("{}={role}", pods::LABEL)).await? {
                self.delete(namespace, &pod.name).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, namespace: &str, name: &str) -> Result<()> {
        let now = Delete { grace_seconds: Some(0), ..Delete::default() };
        self.writer.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"), &now).await
    }

    /// Makes namespace and Service of the probe pods, and gives the addresses that all of them call.
    async fn prepare(&self) -> Result<Shared> {
        until("namespace of the probe pods", SERVER_LIMIT, Duration::from_secs(1), async || {
            match self.observer.namespace(NAMESPACE).await?.as_deref() {
                Some("Terminating") => Ok(Poll::Pending("an earlier one is still being deleted".into())),
                Some(_) => Ok(Poll::Ready(())),
                None => self.create("/api/v1/namespaces", &pods::namespace(NAMESPACE)).await.map(Poll::Ready),
            }
        })
        .await?;
        let mut service = self.observer.service(NAMESPACE, SERVICE).await?;
        if service.is_none() {
            let services = format!("/api/v1/namespaces/{NAMESPACE}/services");
            self.create(&services, &pods::service(NAMESPACE, SERVICE)).await?;
            service = self.observer.service(NAMESPACE, SERVICE).await?;
        }
        let must = |what: &str, found: Option<String>| {
            found.ok_or_else(|| Error::failed(format!("the Service {what} has no cluster address")))
        };
        Ok(Shared {
            service: must("cni-migrate-probe/probe", service)?,
            api: must("default/kubernetes", self.observer.service("default", "kubernetes").await?)?,
        })
    }

    async fn create(&self, path: &str, body: &serde_json::Value) -> Result<()> {
        match self.writer.create(path, body).await {
            Ok(_) => Ok(()),
            Err(e) if refusal(&e) == Refusal::Exists => Ok(()),
            Err(e) => Err(explain(&format!("creating {}/{}", path, body["metadata"]["name"]), &e)),
        }
    }

    /// Makes sure that a server of the right side runs on each of these nodes.
    async fn servers(&self, chosen: &[&(String, Side)], snapshot: &Snapshot) -> Result<Vec<Member>> {
        let servers = format!("{}=server", pods::LABEL);
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let ready = async || -> Result<Poll<Vec<Member>>> {
            let there = self.observer.pods_in(NAMESPACE, &servers).await?;
            let (mut members, mut waiting) = (Vec::new(), None);
            for (node, side) in chosen {
                let name = pods::server_name(node);
                let pod = there.iter().find(|pod| *pod.name == *name);
                match pod {
                    None => self.create(&path, &pods::server(NAMESPACE, node, self.image)).await?,
                    Some(pod) if is_stale(pod, node, *side, snapshot) => {
                        self.delete(NAMESPACE, &name).await?;
                    }
                    Some(_) => {}
                }
                let serving = pod.filter(|p| p.ready && !is_stale(p, node, *side, snapshot));
                match serving.and_then(|p| p.ips.first()) {
                    Some(ip) => members.push(member(node, *side, *ip, snapshot)?),
                    None => waiting = Some(unready(node, pod)),
                }
            }
            Ok(waiting.map_or(Poll::Ready(members), Poll::Watched))
        };
        let watch = self.observer.watch_pods_in(NAMESPACE, &servers);
        until_told("probe servers", SERVER_LIMIT, TICK, watch, ready).await
    }

    async fn round(&self, clients: &[Client], round: usize) -> Result<Verdict> {
        self.remove("client").await?;
        for client in clients {
            let namespace = client.namespace();
            let name = pods::client_name(&client.node, client.host, round);
            let spec = Spec { attempts: ATTEMPTS, interval_ms: INTERVAL_MS, targets: client.targets.clone() };
            let body = pods::client(namespace, &name, &client.node, client.host, self.image, &spec);
            self.create(&format!("/api/v1/namespaces/{namespace}/pods"), &body).await?;
        }
        // A client that never ran is a path without answer, not an end of the verification.
        let found = self.finished(clients, round).await.map_err(|e| e.message);
        let results = clients.iter().map(|client| {
            let name = pods::client_name(&client.node, client.host, round);
            let result = found.as_ref().map_err(Clone::clone).and_then(|pods| answer(pods, &name));
            (client.clone(), result)
        });
        let verdict = judge(&results.collect::<Vec<_>>());
        for client in clients {
            self.delete(client.namespace(), &pods::client_name(&client.node, client.host, round)).await?;
        }
        Ok(verdict)
    }

    /// Waits until every client of a round has ended.
    async fn finished(&self, clients: &[Client], round: usize) -> Result<Vec<Pod>> {
        let (mut ended, end) = (Vec::new(), Instant::now() + CLIENT_LIMIT);
        let label = format!("{}=client", pods::LABEL);
        for namespace in [NAMESPACE, HOST_NAMESPACE] {
            let clients: Vec<_> = clients.iter().filter(|c| c.namespace() == namespace).collect();
            if clients.is_empty() {
                continue;
            }
            let left = end.saturating_duration_since(Instant::now());
            let watch = self.observer.watch_pods_in(namespace, &label);
            let look = async || {
                let there = self.observer.pods_in(namespace, &label).await?;
                let has_ended = |client: &Client| {
                    let name = pods::client_name(&client.node, client.host, round);
                    there.iter().any(|pod| *pod.name == *name && pod.is_finished())
                };
                let runs = clients.iter().find(|client| !has_ended(client));
                let waiting = runs.map(|client| format!("on node {}", client.node));
                Ok(waiting.map_or(Poll::Ready(there), Poll::Watched))
            };
            ended.extend(until_told("probe clients", left, TICK, watch, look).await?);
        }
        Ok(ended)
    }
}

impl Client {
    /// Where its pod is.
    fn namespace(&self) -> &'static str {
        if self.host { HOST_NAMESPACE } else { NAMESPACE }
    }
}

fn answer(pods: &[Pod], name: &str) -> Result<Results, String> {
    let pod = pods.iter().find(|p| &*p.name == name).ok_or("the probe client vanished")?;
    let message = pod.message.as_deref().unwrap_or_default();
    serde_json::from_str(message).map_err(|_| match pod.phase {
        Phase::Failed => format!("the probe client failed: {message}"),
        _ => "the probe client left no result".into(),
    })
}

/// A server that was started before the node's switch (or its roll-back), or is about to go.
fn is_stale(pod: &Pod, node: &str, side: Side, snapshot: &Snapshot) -> bool {
    let in_block = pod.ips.first().is_some_and(|ip| blocks(node, snapshot).iter().any(|b| b.contains(ip)));
    let wrong_side = !pod.ips.is_empty() && side == Side::Old && in_block;
    pod.deleting || pod.is_finished() || wrong_side
}

fn blocks<'a>(node: &str, snapshot: &'a Snapshot) -> &'a [IpNet] {
    snapshot.cilium.blocks_of(node)
}

fn member(node: &str, side: Side, server: std::net::IpAddr, snapshot: &Snapshot) -> Result<Member> {
    let ip = snapshot.node_named(node).and_then(|(_, n)| n.internal_ips.first().copied());
    let node_ip = ip.ok_or_else(|| Error::failed(format!("node {node} has no InternalIP")))?;
    Ok(Member { node: node.to_owned(), side, node_ip, server })
}

fn unready(node: &str, pod: Option<&Pod>) -> String {
    let why = pod.and_then(|p| p.waiting.as_deref()).map(|w| format!(": {w}")).unwrap_or_default();
    format!("the probe server on node {node} is not Ready{why}")
}

/// A server on a migrated node without a Cilium address disproves the switch, whatever answers.
fn wrong_addresses(members: &[Member], snapshot: &Snapshot) -> Vec<Path> {
    members
        .iter()
        .filter(|m| m.side == Side::New && !blocks(&m.node, snapshot).iter().any(|b| b.contains(&m.server)))
        .map(|m| Path {
            id: format!("address {}", m.node),
            sent: 0,
            ok: 0,
            longest_gap_ms: 0,
            error: format!("a new pod got {}, which is not from the node's Cilium block", m.server),
        })
        .collect()
}
