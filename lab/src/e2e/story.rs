//! The order of writes: what the API server's audit log tells of a migration, and what a rehearsal tells, made
//! comparable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::audit::text;
use crate::meter::life::Lives;

/// Name before the number of a revision in the name of the Secret in which helm keeps it.
const RELEASE: &str = "sh.helm.release.v1.";

/// Writes in their order, by the node that they are about; those about no node under an empty name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Story(BTreeMap<String, Vec<String>>);

/// A write as `rehearse -o json` tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Write {
    verb: String,
    resource: String,
    namespace: String,
    name: String,
    node: String,
    owner: String,
}

impl Story {
    /// The story of the tool in audit events; pods are told by what became of them.
    pub(crate) fn of_audit(events: &[Value], lives: &Lives) -> Self {
        let mut events: Vec<(Timestamp, &Value)> =
            events.iter().map(|event| (arrival(event), event)).collect();
        events.sort_by_key(|(at, _)| *at);
        Self::of(events.into_iter().filter_map(|(at, event)| audited(event, at, lives)))
    }

    /// The story in the answer of `rehearse -o json`; `None` where there is none in it.
    pub(crate) fn of_rehearsal(answer: &str) -> Option<Self> {
        let mut answer: Value = serde_json::from_str(answer).ok()?;
        let writes: Vec<Write> = serde_json::from_value(answer["writes"].take()).ok()?;
        Some(Self::of(writes.into_iter()))
    }

    fn of(writes: impl Iterator<Item = Write>) -> Self {
        let mut story = Self::default();
        // How often the Lease is renewed is a matter of time.
        for write in writes.filter(|w| (w.verb.as_str(), w.resource.as_str()) != ("update", "leases")) {
            let place = match write.resource.as_str() {
                "nodes" | "ciliumnodes" => write.name.clone(),
                _ => write.node.clone(),
            };
            story.0.entry(place).or_default().push(line(&write));
        }
        story.0.values_mut().for_each(|lines| gather_evictions(lines));
        story
    }

    /// How many writes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The places where both stories differ, and both stories side by side: a line that only this one has after `-`,
    /// one that only the other has after `+`.
    pub(crate) fn beside(&self, other: &Self) -> (Vec<String>, String) {
        let none = Vec::new();
        let places: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let (mut differing, mut shown) = (Vec::new(), String::new());
        for place in places {
            let here = self.0.get(place).unwrap_or(&none);
            let there = other.0.get(place).unwrap_or(&none);
            let title = if place.is_empty() { "no node" } else { place };
            shown += &format!("{title}: {} and {} writes\n", here.len(), there.len());
            let words = |all: &Vec<String>| all.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (here, there) = (words(here), words(there));
            for change in TextDiff::from_lines(&here, &there).iter_all_changes() {
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                shown += &format!("{sign} {}", change.value());
            }
            if here != there {
                differing.push(title.to_owned());
            }
        }
        (differing, shown)
    }
}

fn arrival(event: &Value) -> Timestamp {
    text(event, "/requestReceivedTimestamp").parse().unwrap_or_default()
}

/// A write of the tool that was granted; of helm's own only the one that makes a revision counts.
fn audited(event: &Value, at: Timestamp, lives: &Lives) -> Option<Write> {
    let is_granted =
        event.pointer("/responseStatus/code").and_then(Value::as_u64).is_some_and(|c| c / 100 == 2);
    let of = |field: &str| text(event, &format!("/objectRef/{field}")).to_owned();
    let (verb, name, namespace) = (text(event, "/verb").to_owned(), of("name"), of("namespace"));
    let agent = text(event, "/userAgent");
    if !is_granted || agent.starts_with("kubectl/") {
        return None;
    }
    if agent.starts_with("Helm/") {
        let release = name.strip_prefix(RELEASE).filter(|_| verb == "create")?.split(".v").next()?;
        return Some(Write { verb, resource: "helm".into(), name: release.to_owned(), ..Write::default() });
    }
    let resource = match of("subresource") {
        sub if sub.is_empty() => of("resource"),
        sub => format!("{}/{sub}", of("resource")),
    };
    let is_pod = of("resource") == "pods";
    // What is created is seen after it.
    let moment = if verb == "create" && resource == "pods" { Timestamp::MAX } else { at };
    let life = lives.named(&namespace, &name, moment).filter(|_| is_pod);
    let (node, owner) = life.map(|life| (life.node.clone(), life.owner.clone())).unwrap_or_default();
    Some(Write { verb, resource, namespace, name, node, owner })
}

/// `verb resource namespace/name`, a pod of a controller by its workload: its own name is drawn by lot.
fn line(write: &Write) -> String {
    let Write { verb, resource, namespace, name, owner, .. } = write;
    let name = if owner.is_empty() { name.clone() } else { format!("a pod of {}", workload(owner)) };
    // The audit log says of a namespace that it lies in itself.
    let is_inside = !namespace.is_empty() && resource != "namespaces";
    let place = if is_inside { format!("{namespace}/") } else { String::new() };
    format!("{verb} {resource} {place}{name}")
}

/// The controller without what it hashes of its template, which is not rendered by the same chart.
fn workload(owner: &str) -> &str {
    match owner.rsplit_once('-') {
        Some((workload, _)) if owner.starts_with("ReplicaSet/") => workload,
        _ => owner,
    }
}

/// Puts evictions that follow each other together by workload, the one that was evicted from first before the others: how
/// soon a budget allows the next one is a matter of time, not of order.
fn gather_evictions(lines: &mut [String]) {
    let is_eviction = |line: &String| line.starts_with("create pods/eviction ");
    for run in lines.chunk_by_mut(|a, b| is_eviction(a) && is_eviction(b)) {
        let before = run.to_vec();
        run.sort_by_key(|line| before.iter().position(|other| other == line));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::meter::life::tests::{at, pod};

    fn event(second: i64, verb: &str, agent: &str, code: u16, reference: &Value) -> Value {
        json!({"verb": verb, "userAgent": agent, "responseStatus": {"code": code}, "objectRef": reference,
               "requestReceivedTimestamp": at(second).to_string()})
    }

    #[test]
    fn a_migration_and_its_rehearsal_tell_the_same_story_or_the_place_where_they_do_not() {
        let mut lives = Lives::default();
        let mut seen = pod("web-real", "n2", None, false);
        seen.metadata.owner_references = serde_json::from_value(
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d5", "uid": "u", "controller": true}]),
        )
        .unwrap();
        lives.see(at(0), &seen);
        let node = json!({"resource": "nodes", "name": "n2"});
        let evicted = json!({"resource": "pods", "subresource": "eviction", "namespace": "lab-meter", "name": "web-real"});
        let secret = json!({"resource": "secrets", "namespace": "kube-system", "name": "sh.helm.release.v1.cilium.v1"});
        let lease = json!({"resource": "leases", "namespace": "kube-system", "name": "cni-migrate"});
        let events = [
            event(4, "create", "", 201, &evicted),
            event(1, "create", "Helm/3.18.0", 201, &secret),
            event(2, "patch", "", 200, &node),
            event(3, "create", "", 429, &evicted),
            event(3, "update", "", 200, &lease),
            event(3, "patch", "kubectl/v1.36.3", 200, &node),
        ];
        let real = Story::of_audit(&events, &lives);
        let mut told = json!({"writes": [
            {"verb": "create", "resource": "helm", "name": "cilium"},
            {"verb": "patch", "resource": "nodes", "name": "n2"},
            {"verb": "create", "resource": "pods/eviction", "namespace": "lab-meter", "name": "web-sim", "node": "n2",
             "owner": "ReplicaSet/web-k7b"},
        ]});
        let rehearsed = Story::of_rehearsal(&told.to_string()).unwrap();
        assert_eq!(real, rehearsed);
        assert_eq!((real.len(), real.beside(&rehearsed).0), (3, vec![]));
        told["writes"][1]["name"] = json!("n3");
        let (places, shown) = real.beside(&Story::of_rehearsal(&told.to_string()).unwrap());
        assert_eq!(places, ["n2", "n3"]);
        assert!(shown.contains("- patch nodes n2\n") && shown.contains("+ patch nodes n3\n"), "{shown}");
    }

    #[test]
    fn a_pod_that_waited_for_its_budget_is_told_with_its_workload_and_never_past_another_write() {
        let lines = |order: &[&str]| -> Vec<String> {
            let line = |name: &&str| match *name {
                "node" => "patch nodes n2".to_owned(),
                pod => format!("create pods/eviction shop/a pod of {pod}"),
            };
            order.iter().map(line).collect()
        };
        let mut told = lines(&["db", "web", "web", "db", "web", "node", "web", "db"]);
        gather_evictions(&mut told);
        assert_eq!(told, lines(&["db", "db", "web", "web", "web", "node", "web", "db"]));
    }
}
