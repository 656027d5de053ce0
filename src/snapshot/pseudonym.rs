//! Names that say nothing: the same name is the same pseudonym throughout a file, so selectors, owners and references
//! still fit, and nodes keep their order.
//!
//! Every text is disguised unless it is known to be harmless: addresses, names that Kubernetes and CNIs give their own
//! parts, and words of the API.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::class::{Class, class_of};
use super::file::{Answer, Header};
use super::words::{GROUPS, HARMLESS, IMAGES, KEPT_LABELS, KNOWN, LEFT_OUT, OPTIONS};
use crate::model::is_of_the_journal;

/// The pseudonyms of a file.
#[derive(Debug, Default)]
pub struct Pseudonyms {
    names: HashMap<(Class, String), String>,
    counts: HashMap<Class, usize>,
}

impl Pseudonyms {
    /// Disguises an object.
    pub fn object(&mut self, object: &mut Value) {
        // Definitions are those of Cilium only.
        if object["kind"] == "CustomResourceDefinition" {
            return;
        }
        let class = class_of(object["kind"].as_str().unwrap_or_default());
        if let Some(metadata) = object.get("metadata").cloned() {
            let name = self.object_name(class, object, &metadata);
            object["metadata"]["name"] = json!(name);
        }
        let is_config_map = object["kind"] == "ConfigMap";
        for (key, value) in object.as_object_mut().into_iter().flatten() {
            match key.as_str() {
                "metadata" => self.metadata(value),
                "data" if is_config_map => self.data(value),
                _ => self.value(key, value),
            }
        }
    }

    /// Disguises the header.
    pub fn header(&mut self, header: &mut Header) {
        header.anonymised = true;
        "cluster".clone_into(&mut header.cluster);
        if !is_address(&header.host) {
            header.host = self.name(Class::Host, &header.host.clone());
        }
        for refused in &mut header.refused {
            refused.failure.message = without_user(&refused.failure.message);
        }
        for (namespace, answer) in &mut header.rights {
            *namespace = self.name(Class::Namespace, &namespace.clone());
            match answer {
                Answer::Is(status) => self.rules(status),
                Answer::Failed(failure) => failure.message = without_user(&failure.message),
            }
        }
        match &mut header.release {
            Answer::Is(Some(release)) => self.options(&mut release.values),
            Answer::Is(None) => {}
            Answer::Failed(failure) => LEFT_OUT.clone_into(&mut failure.message),
        }
    }

    /// The pseudonym of a name.
    fn name(&mut self, class: Class, text: &str) -> String {
        // APIServices have their group in their name.
        if text.is_empty() || KNOWN.contains(&text) || text.ends_with(".k8s.io") || is_of_the_journal(text) {
            return text.to_owned();
        }
        if let Some(known) = self.names.get(&(class, text.to_owned())) {
            return known.clone();
        }
        let count = self.counts.entry(class).or_default();
        *count += 1;
        let width = if class == Class::Node { 5 } else { 0 };
        let new = format!("{}-{count:0width$}", class.word());
        self.keep(class, text, new)
    }

    fn keep(&mut self, class: Class, text: &str, new: String) -> String {
        self.names.insert((class, text.to_owned()), new.clone());
        new
    }

    /// Names that controllers make of others' names follow these.
    fn object_name(&mut self, class: Class, object: &Value, metadata: &Value) -> String {
        let name = metadata["name"].as_str().unwrap_or_default();
        if self.names.contains_key(&(class, name.to_owned())) {
            return self.name(class, name);
        }
        let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        let mut owners = owners.filter(|owner| owner["controller"] == true);
        let owner = owners.find_map(|o| Some((o["kind"].as_str()?, o["name"].as_str()?)));
        let end = |of: &str| name.strip_prefix(of).filter(|end| end.starts_with('-')).map(str::to_owned);
        match owner {
            // The mirror of a static pod has the node's name at its end.
            Some(("Node", node)) => {
                let stem = name.strip_suffix(node).and_then(|stem| stem.strip_suffix('-')).unwrap_or(name);
                let new = format!("{}-{}", self.name(Class::Workload, stem), self.name(Class::Node, node));
                self.keep(class, name, new)
            }
            Some((kind, owner)) if class == Class::Pod || object["kind"] == "ReplicaSet" => {
                let new = self.name(class_of(kind), owner);
                match end(owner) {
                    // Names of known parts, and the numbers of a StatefulSet's pods.
                    Some(end) if new == owner || kind == "StatefulSet" => {
                        self.keep(class, name, format!("{new}{end}"))
                    }
                    _ => self.name(class, name),
                }
            }
            _ => self.name(class, name),
        }
    }

    fn metadata(&mut self, metadata: &mut Value) {
        for (key, value) in metadata.as_object_mut().into_iter().flatten() {
            match (key.as_str(), value) {
                ("namespace", Value::String(namespace)) => {
                    *namespace = self.name(Class::Namespace, &namespace.clone());
                }
                ("labels", labels) => self.labels(labels),
                ("ownerReferences", Value::Array(owners)) => {
                    for owner in owners {
                        self.reference(owner);
                    }
                }
                // The name was done before; of annotations only those that a reader wants were kept.
                ("annotations", annotations) => self.annotations(annotations),
                _ => {}
            }
        }
    }

    /// An owner, by its kind.
    fn reference(&mut self, owner: &mut Value) {
        let class = class_of(owner["kind"].as_str().unwrap_or_default());
        if let Some(name) = owner["name"].as_str() {
            owner["name"] = json!(self.name(class, name));
        }
    }

    fn annotations(&mut self, annotations: &mut Value) {
        if let Some(Value::String(release)) = annotations.get_mut("meta.helm.sh/release-name") {
            *release = self.name(Class::Name, &release.clone());
        }
    }

    /// The values of labels, wherever labels stand.
    fn labels(&mut self, labels: &mut Value) {
        for (key, value) in labels.as_object_mut().into_iter().flatten() {
            if let Value::String(text) = value {
                *text = self.label(key, &text.clone());
            }
        }
    }

    fn label(&mut self, key: &str, value: &str) -> String {
        let is_kept =
            |known: &&str| known.strip_suffix('*').map_or(*known == key, |start| key.starts_with(start));
        let class = match key {
            _ if KEPT_LABELS.iter().any(is_kept) || is_plain(value) => {
                return value.to_owned();
            }
            "kubernetes.io/hostname" => Class::Node,
            "kubernetes.io/metadata.name" => Class::Namespace,
            "statefulset.kubernetes.io/pod-name" => Class::Pod,
            "job-name" | "batch.kubernetes.io/job-name" => Class::Workload,
            _ => Class::Label,
        };
        self.name(class, value)
    }

    /// Any other part of an object; `key` is the field that it stands in.
    fn value(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(key, &text.clone()),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(key, item)),
            Value::Object(map) => self.map(key, map),
            _ => {}
        }
    }

    fn map(&mut self, key: &str, map: &mut Map<String, Value>) {
        match key {
            "labels" | "matchLabels" | "nodeSelector" if map.values().all(Value::is_string) => {
                return self.entries(map);
            }
            // That of a Service; a LabelSelector has objects in it.
            "selector" if map.values().all(Value::is_string) => return self.entries(map),
            "capacity" | "allocatable" | "requests" | "limits" => return,
            "defaults" => return map.iter_mut().for_each(|(key, value)| self.option(key, value)),
            "service" | "claimRef" => {
                let class = if key == "service" { Class::Service } else { Class::Claim };
                if let Some(Value::String(name)) = map.get_mut("name") {
                    *name = self.name(class, &name.clone());
                }
                if let Some(Value::String(namespace)) = map.get_mut("namespace") {
                    *namespace = self.name(Class::Namespace, &namespace.clone());
                }
                return;
            }
            _ => {}
        }
        // An expression has the label's key beside the values.
        if let (Some(Value::String(label)), Some(Value::Array(values))) =
            (map.get("key").cloned(), map.get_mut("values"))
        {
            for value in values {
                if let Value::String(text) = value {
                    let is_name = label == "metadata.name";
                    *text = if is_name {
                        self.name(Class::Node, &text.clone())
                    } else {
                        self.label(&label, &text.clone())
                    };
                }
            }
            return;
        }
        map.iter_mut().for_each(|(key, value)| self.value(key, value));
    }

    fn text(&mut self, key: &str, text: &str) -> String {
        let class = match key {
            _ if HARMLESS.contains(&key) || is_plain(text) || is_address(text) => return text.to_owned(),
            "nodeName" => Class::Node,
            "address" if self.names.contains_key(&(Class::Node, text.to_owned())) => Class::Node,
            "address" => Class::Host,
            "namespace" => Class::Namespace,
            "claimName" => Class::Claim,
            "volumeName" => Class::Volume,
            "serviceName" => Class::Service,
            "currentRevision" | "updateRevision" => Class::Label,
            "image" => return self.image(text),
            "error" => return LEFT_OUT.to_owned(),
            "group" if is_our_group(text) => return text.to_owned(),
            _ => Class::Name,
        };
        self.name(class, text)
    }

    /// Of an image that a CNI is known by, its own name and tag stay.
    fn image(&mut self, image: &str) -> String {
        let Some(known) = IMAGES.iter().find(|known| image.contains(**known)) else {
            return self.name(Class::Image, image);
        };
        let last = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or_else(|| (*known).to_owned(), |(_, tag)| format!("{known}:{tag}"))
    }

    /// Of the ConfigMaps that are read, only the journal and Cilium's options name anything.
    fn data(&mut self, data: &mut Value) {
        if let Some(Value::String(text)) = data.get_mut("record") {
            if let Ok(mut record) = serde_json::from_str(text) {
                self.record(&mut record);
                *text = record.to_string();
            }
        } else {
            self.options(data);
        }
    }

    /// The journal's record, or a part of it: steps of a node have no names there.
    fn record(&mut self, record: &mut Value) {
        if let Some(Value::Object(nodes)) = record.get_mut("nodes") {
            *nodes =
                std::mem::take(nodes).into_iter().map(|(n, v)| (self.name(Class::Node, &n), v)).collect();
        }
        if let Some(Value::Object(steps)) = record.get_mut("steps") {
            *steps = std::mem::take(steps).into_iter().map(|(id, v)| (self.step(&id), v)).collect();
        }
        if let Some(advice) = record.pointer_mut("/inventory/ownerAdvice").filter(|advice| advice.is_string())
        {
            *advice = json!(LEFT_OUT);
        }
        for object in
            record.pointer_mut("/inventory/objects").and_then(Value::as_array_mut).into_iter().flatten()
        {
            let namespace = object["namespace"].as_str().map(|n| self.name(Class::Namespace, n));
            self.reference(object);
            object["namespace"] = json!(namespace);
        }
    }

    /// A step of a node is `node/NAME/WHAT`.
    fn step(&mut self, id: &str) -> String {
        let parts: Vec<&str> = id.splitn(3, '/').collect();
        match parts.as_slice() {
            ["node", name, what] => format!("node/{}/{what}", self.name(Class::Node, name)),
            ["node", name] => format!("node/{}", self.name(Class::Node, name)),
            _ => id.to_owned(),
        }
    }

    /// Options of Cilium, by chart or agent: those that name things of the user's are disguised.
    fn options(&mut self, options: &mut Value) {
        match options {
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.option(key, value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.options(item)),
            _ => {}
        }
    }

    fn option(&mut self, key: &str, value: &mut Value) {
        let key = key.to_lowercase();
        match value {
            Value::String(text) if OPTIONS.iter().any(|part| key.contains(part)) => {
                *text = self.text("", &text.clone());
            }
            _ => self.options(value),
        }
    }

    /// Rules about groups that are not Kubernetes' or Cilium's own tell which software there is, and nobody asks them.
    fn rules(&mut self, status: &mut Value) {
        let Some(Value::Array(rules)) = status.get_mut("resourceRules") else { return };
        let is_ours = |group: &Value| group.as_str().is_some_and(is_our_group);
        rules.retain(|rule| rule["apiGroups"].as_array().is_some_and(|groups| groups.iter().all(is_ours)));
        for rule in rules {
            for name in rule.get_mut("resourceNames").and_then(Value::as_array_mut).into_iter().flatten() {
                *name = json!(self.name(Class::Name, name.as_str().unwrap_or_default()));
            }
        }
        // Paths of the API server are not asked for.
        if let Some(map) = status.as_object_mut() {
            map.shift_remove("nonResourceRules");
        }
    }

    fn entries(&mut self, map: &mut Map<String, Value>) {
        let mut labels = Value::Object(std::mem::take(map));
        self.labels(&mut labels);
        if let Value::Object(labels) = labels {
            *map = labels;
        }
    }
}

/// Of Kubernetes or Cilium.
fn is_our_group(group: &str) -> bool {
    GROUPS.contains(&group) || group.ends_with(".k8s.io")
}

/// Numbers, percentages and flags name nothing.
fn is_plain(text: &str) -> bool {
    matches!(text, "" | "true" | "false") || text.trim_end_matches('%').bytes().all(|b| b.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

/// A refusal names who was refused: `User "jane" cannot list ...`.
fn without_user(message: &str) -> String {
    let mut parts = message.splitn(3, '"').map(str::to_owned).collect::<Vec<_>>();
    if let [start, user, _] = parts.as_mut_slice()
        && start.ends_with("User ")
    {
        "user".clone_into(user);
    }
    parts.join("\"")
}
