//! Files that come back as they were written, files that do not, and names that say nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{API_VERSION, Answer, Body, Failure, Header, KIND, Part, Pseudonyms, Refused, read, write};
use crate::error::Result;
use crate::model::Release;

fn header() -> Header {
    let refused = Failure { code: Some(403), reason: "Forbidden".into(), message: "no".into() };
    Header {
        api_version: API_VERSION.into(),
        kind: KIND.into(),
        taken_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        tool: "0.1.0".into(),
        cluster: "prod-eu".into(),
        server_version: "v1.34.2".into(),
        host: "192.0.2.1".into(),
        anonymised: false,
        helm: Answer::Failed(Failure { code: None, reason: String::new(), message: "no helm".into() }),
        asked: ("cilium".into(), "kube-system".into()),
        release: Answer::Is(Some(Release {
            name: "cilium".into(),
            namespace: "kube-system".into(),
            revision: 2,
            status: "deployed".into(),
            chart: "cilium-1.19.6".into(),
            values: json!({"cluster": {"name": "prod-eu"}, "ipam": {"mode": "cluster-pool"}}),
        })),
        rights: vec![("kube-system".into(), Answer::Is(json!({"resourceRules": []})))],
        refused: vec![Refused { path: "/api/v1/services".into(), fields: String::new(), failure: refused }],
        objects: 2,
    }
}

fn object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}})
}

fn file() -> Vec<u8> {
    let mut body = Body::default();
    for name in ["a", "b"] {
        let mut part = Part::default();
        part.push(&object(name));
        body.add(part);
    }
    assert_eq!((body.objects(), body.pods()), (2, 2));
    let mut bytes = Vec::new();
    write(&header(), &body, &mut bytes).unwrap();
    bytes
}

fn packed(lines: &[&str]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines.join("\n").as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn all(bytes: &[u8]) -> Result<(Header, Vec<Value>)> {
    let (header, objects) = read("x.gz", bytes)?;
    Ok((header, objects.collect::<Result<_>>()?))
}

fn refusal(bytes: &[u8]) -> String {
    all(bytes).expect_err("a refusal").message
}

#[test]
fn a_file_comes_back_as_it_was_written() {
    assert_eq!(all(&file()).unwrap(), (header(), vec![object("a"), object("b")]));
}

#[test]
fn a_list_that_is_packed_piece_by_piece_comes_back_whole_and_in_order() {
    let pods: Vec<Value> = (0..3_000).map(|number| object(&format!("pod-{number}"))).collect();
    let mut part = Part::default();
    for (number, pod) in pods.iter().enumerate() {
        if number % 2 == 0 { part.push(pod) } else { part.push_json("Pod", pod.to_string().as_bytes()) }
    }
    let mut body = Body::default();
    body.add(part);
    assert_eq!((body.objects(), body.pods()), (3_000, 3_000));
    let mut bytes = Vec::new();
    write(&header(), &body, &mut bytes).unwrap();
    let (header, read) = all(&bytes).unwrap();
    assert_eq!(header.objects, 3_000);
    assert!(read == pods, "a pod is missing, doubled or out of its place");
}

#[test]
fn a_cut_or_damaged_file_gives_one_clear_error() {
    let whole = file();
    for cut in 0..whole.len() {
        let message = refusal(&whole[..cut]);
        assert!(message.starts_with("snapshot x.gz, line "), "{cut}: {message}");
    }
    assert!(refusal(&whole[..whole.len() - 4]).ends_with("expected more: it was cut"));
    assert_eq!(refusal(&packed(&[])), "snapshot x.gz, line 1: the file is empty, expected a snapshot");
    assert!(refusal(b"kind: Pod\n").contains("line 1: is not gzip"));
    assert!(refusal(&[]).contains("line 1: the file ends here"));
    let first = serde_json::to_string(&header()).unwrap();
    let pod = object("a").to_string();
    assert!(refusal(&packed(&[&first, &pod])).contains("line 3: the file ends after 1 object, expected 2"));
    assert!(refusal(&packed(&[&first, &pod, "{"])).contains("line 3: is not JSON"));
    assert!(refusal(&packed(&[&first, "{\"kind\": \"Pod\"}"])).contains("line 2: is no object of the API"));
    let mut flipped = whole;
    let middle = flipped.len() - 12;
    flipped[middle] ^= 0xff;
    assert!(refusal(&flipped).starts_with("snapshot x.gz, line "));
}

#[test]
fn what_stands_before_a_damaged_line_is_read_and_nothing_after_it() {
    let (first, pod) = (serde_json::to_string(&header()).unwrap(), object("a").to_string());
    let bytes = packed(&[&first, &pod, "{", &pod]);
    let (_, mut objects) = read("x.gz", bytes.as_slice()).unwrap();
    assert_eq!(objects.next().unwrap().unwrap(), object("a"));
    assert!(objects.next().unwrap().unwrap_err().message.contains("line 3: is not JSON"));
    assert!(objects.next().is_none() && objects.next().is_none());
}

#[test]
fn a_file_of_another_format_is_refused_and_not_guessed_at() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut first = serde_json::to_value(header()).unwrap();
        change(&mut first);
        refusal(&packed(&[&first.to_string()]))
    };
    let newer = changed(&|h| h["apiVersion"] = json!("cni-migrate.dev/v9"));
    assert_eq!(
        newer,
        "snapshot x.gz, line 1: apiVersion is \"cni-migrate.dev/v9\"; this program reads cni-migrate.dev/v1alpha1"
    );
    assert!(
        changed(&|h| h["kind"] = json!("List")).contains("kind is \"List\", expected \"ClusterSnapshot\"")
    );
    assert!(
        changed(&|h| h["more"] = json!(1))
            .contains("line 1: the header was not understood: unknown field `more`")
    );
}

/// Pods, nodes and what refers to them, with names that must not be told.
fn cluster() -> Vec<Value> {
    let meta = |name: &str| json!({"namespace": "acme-shop", "name": name, "labels": {"app": "acme-web", "tier": "front"}});
    let owned = |name: &str, kind: &str, owner: &str| {
        let mut metadata = meta(name);
        metadata["ownerReferences"] = json!([{"kind": kind, "name": owner, "uid": "u", "controller": true}]);
        metadata
    };
    vec![
        json!({"kind": "Namespace", "metadata": {"name": "acme-shop", "labels": {"kubernetes.io/metadata.name": "acme-shop"}}}),
        json!({"kind": "Node", "metadata": {"name": "node.acme.example", "labels": {
            "kubernetes.io/hostname": "node.acme.example", "kubernetes.io/os": "linux", "acme.example/zone": "acme-1"}},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"},
                {"type": "Hostname", "address": "node.acme.example"}, {"type": "InternalDNS", "address": "x.acme.example"}]}}),
        json!({"kind": "StatefulSet", "metadata": meta("acme-db")}),
        json!({"kind": "ReplicaSet", "metadata": owned("acme-web-5d8f", "Deployment", "acme-web")}),
        json!({"kind": "Pod", "metadata": owned("acme-db-1", "StatefulSet", "acme-db"), "spec": {
            "nodeName": "node.acme.example", "containers": [{"name": "acme", "image": "acme.example/db:1"}],
            "volumes": [{"name": "acme-data", "persistentVolumeClaim": {"claimName": "acme-data-db-1"}}],
            "affinity": {"nodeAffinity": {"x": [{"matchExpressions": [
                {"key": "acme.example/zone", "operator": "In", "values": ["acme-1"]}]}]}}}}),
        json!({"kind": "Pod", "metadata": owned("kube-apiserver-node.acme.example", "Node", "node.acme.example")}),
        json!({"kind": "Pod", "metadata": owned("acme-web-5d8f-x2", "ReplicaSet", "acme-web-5d8f")}),
        json!({"kind": "PodDisruptionBudget", "metadata": meta("acme-budget"), "spec": {"selector": {
            "matchLabels": {"app": "acme-web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["acme-back"]}]}}}),
        json!({"kind": "Service", "metadata": meta("acme-svc"), "spec": {"selector": {"app": "acme-web"}}}),
        json!({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "acme-hook"}, "webhooks": [
            {"name": "hook.acme.example", "clientConfig": {"service": {"namespace": "acme-shop", "name": "acme-svc"}}}]}),
        json!({"kind": "CiliumEndpoint", "metadata": owned("acme-db-1", "Pod", "acme-db-1")}),
        json!({"kind": "ConfigMap", "metadata": {"name": "cni-migrate-journal", "namespace": "kube-system"}, "data": {
            "record": json!({"nodes": {"node.acme.example": {}}, "steps": {"node/node.acme.example/drain": {}},
                "inventory": {"ownerAdvice": "Argo CD (acme)", "objects": [
                    {"kind": "DaemonSet", "namespace": "acme-net", "name": "kube-flannel-ds"}]}}).to_string()}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "cni-migrate-journal-001", "namespace": "kube-system"}, "data": {
            "record": json!({"nodes": {"node.acme.example": {"steps": {"drain": {}}}}}).to_string()}}),
    ]
}

#[test]
fn pseudonyms_say_nothing_and_still_fit_each_other() {
    let mut names = Pseudonyms::default();
    let mut all = cluster();
    for object in &mut all {
        names.object(object);
    }
    let text = json!(all).to_string();
    // Keys of labels stay.
    assert!(!text.replace("acme.example/zone", "").contains("acme"), "{text}");
    let [namespace, node, set, _, pod, mirror, web, budget, service, hook, endpoint, journal, part] =
        all.as_slice()
    else {
        panic!("{text}")
    };
    assert_eq!(node["metadata"]["name"], "node-00001");
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/hostname"], "node-00001");
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/os"], "linux");
    assert_eq!(node["status"]["addresses"][0]["address"], "10.0.0.1");
    assert_eq!(node["status"]["addresses"][1]["address"], "node-00001");
    assert_eq!(pod["spec"]["nodeName"], "node-00001");
    assert_eq!(pod["metadata"]["name"], format!("{}-1", set["metadata"]["name"].as_str().unwrap()));
    assert_eq!(endpoint["metadata"]["name"], pod["metadata"]["name"]);
    assert_eq!(mirror["metadata"]["name"], "kube-apiserver-node-00001");
    assert_eq!(pod["metadata"]["namespace"], namespace["metadata"]["name"]);
    let app = &web["metadata"]["labels"]["app"];
    assert_eq!(&budget["spec"]["selector"]["matchLabels"]["app"], app);
    assert_eq!(&service["spec"]["selector"]["app"], app);
    assert_eq!(hook["webhooks"][0]["clientConfig"]["service"]["name"], service["metadata"]["name"]);
    let zone = &node["metadata"]["labels"]["acme.example/zone"];
    assert_eq!(&pod["spec"]["affinity"]["nodeAffinity"]["x"][0]["matchExpressions"][0]["values"][0], zone);
    let record: Value = serde_json::from_str(journal["data"]["record"].as_str().unwrap()).unwrap();
    assert!(record["steps"]["node/node-00001/drain"].is_object(), "{record}");
    assert_eq!(record["inventory"]["objects"][0]["name"], "kube-flannel-ds");
    let nodes = json!({"nodes": {"node-00001": {"steps": {"drain": {}}}}});
    assert_eq!(
        (&part["metadata"]["name"], &part["data"]["record"]),
        (&json!("cni-migrate-journal-001"), &json!(nodes.to_string()))
    );
}

#[test]
fn the_header_tells_neither_the_cluster_nor_the_caller() {
    let mut header = header();
    header.host = "api.acme.example".into();
    header.refused[0].failure.message = "services is forbidden: User \"jane@acme\" cannot list".into();
    header.rights[0].1 = Answer::Is(json!({"resourceRules": [
        {"apiGroups": ["acme.example"], "resources": ["things"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "resourceNames": ["acme-set"]}]}));
    Pseudonyms::default().header(&mut header);
    let text = serde_json::to_string(&header).unwrap();
    assert!(header.anonymised && !text.contains("acme") && !text.contains("prod-eu"), "{text}");
    assert!(text.contains("User \\\"user\\\" cannot") && text.contains("cluster-pool"), "{text}");
}

/// One of few, so that labels and selectors often meet.
fn labels() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    let value =
        prop_oneof!["[ab]{1,2}", Just("true".to_owned()), Just("cilium".to_owned()), Just("7".to_owned())];
    prop::collection::btree_map("[xyz]|kubernetes.io/os|kubernetes.io/hostname", value, 0..4)
}

proptest! {
    #[test]
    fn what_a_selector_matches_it_still_matches(label_sets in prop::collection::vec(labels(), 1..5), wanted in labels(),
            key in "[xyz]", values in prop::collection::vec("[ab]{1,2}", 1..3)) {
        let matches = |labels: &Value, selector: &Value| {
            let equal = selector["matchLabels"].as_object().unwrap().iter().all(|(k, v)| labels.get(k) == Some(v));
            let expression = &selector["matchExpressions"][0];
            let value = labels.get(expression["key"].as_str().unwrap());
            (equal, value.is_some_and(|v| expression["values"].as_array().unwrap().contains(v)))
        };
        let mut budget = json!({"kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"selector": {
            "matchLabels": wanted, "matchExpressions": [{"key": key, "operator": "In", "values": values}]}}});
        let mut pods: Vec<Value> =
            label_sets.iter().map(|l| json!({"kind": "Pod", "metadata": {"name": "p", "labels": l}})).collect();
        let answer = |pods: &[Value], budget: &Value| -> Vec<_> {
            pods.iter().map(|p| matches(&p["metadata"]["labels"], &budget["spec"]["selector"])).collect()
        };
        let before = answer(&pods, &budget);
        let mut names = Pseudonyms::default();
        names.object(&mut budget);
        for pod in &mut pods {
            names.object(pod);
        }
        prop_assert_eq!(answer(&pods, &budget), before);
    }
}
