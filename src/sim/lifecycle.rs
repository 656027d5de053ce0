//! The life of an object: create, update, delete, with the metadata rules that hold for every kind
//! (`k8s.io/apiserver/pkg/registry/rest`, `.../generic/registry/store.go`).

use crate::sim::value::{Value, json};

use super::admission;
use super::json::{int, is_deleting, is_finished, list, set, set_list, text, uid, unset};
use super::resource::{Resource, ResourceId, id};
use super::status::{Answer, Refusal};
use super::store::Key;
use super::world::World;

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but status, where the resource has a status path.
    Main,
    /// Status and metadata.
    Status,
}

/// `DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

/// Longest name that is made from `generateName`: longer prefixes are cut (`k8s.io/apiserver/pkg/storage/names`).
const GENERATED_LIMIT: usize = 63;

/// Metadata that only the server writes.
const SERVER_OWNED: &[&str] =
    &["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];

impl World {
    /// Creates an object.
    ///
    /// # Errors
    /// 404 without its namespace, 403 in a terminating one, 409 where the name is taken, 422 where a rule is broken.
    pub(crate) fn create(&mut self, resource: ResourceId, mut object: Value, dry: bool) -> Answer<Value> {
        let info = self.registry.get(resource).clone();
        self.name_it(&info, &mut object)?;
        let key = Key::of(resource, &object);
        self.check_namespace(&info, &key)?;
        admission::admit(self, resource, &mut object)?;
        forget_empty(&info, &mut object);
        if self.store.get(&key).is_some() {
            return Err(taken(&info, &key, &object));
        }
        set(&mut object, "/metadata/uid", self.clock.uid());
        set(&mut object, "/metadata/creationTimestamp", self.clock.now());
        unset(&mut object, "/metadata", "deletionTimestamp");
        unset(&mut object, "/metadata", "resourceVersion");
        if has_generation(&info) {
            set(&mut object, "/metadata/generation", 1);
        }
        if dry {
            return Ok(object);
        }
        let created = self.store.put(key.clone(), object);
        if resource == id::DEFINITIONS {
            self.registry.define(&created);
            let now = self.clock.now();
            self.modify(&key, |definition| admission::establish(definition, &now));
        }
        Ok(created)
    }

    fn name_it(&mut self, info: &Resource, object: &mut Value) -> Answer<()> {
        let prefix = text(object, "/metadata/generateName").to_owned();
        if super::json::name(object).is_empty() && !prefix.is_empty() {
            let suffix = self.clock.suffix();
            let kept: String = prefix.chars().take(GENERATED_LIMIT - suffix.len()).collect();
            set(object, "/metadata/name", format!("{kept}{suffix}"));
        }
        if !info.namespaced {
            unset(object, "/metadata", "namespace");
        }
        if !text(object, "/metadata/resourceVersion").is_empty() {
            return Err(Refusal::plain("resourceVersion should not be set on objects to be created"));
        }
        Ok(())
    }

    fn check_namespace(&self, info: &Resource, key: &Key) -> Answer<()> {
        if !info.namespaced {
            return Ok(());
        }
        let Some(namespace) = self.object(id::NAMESPACES, "", &key.namespace) else {
            return Err(Refusal::not_found(self.registry.get(id::NAMESPACES), &key.namespace));
        };
        if is_deleting(namespace) {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                key.namespace
            );
            let message = format!("namespace {} is being terminated", key.namespace);
            return Err(Refusal::forbidden(info, &key.name, &why).cause(
                "NamespaceTerminating",
                &message,
                "metadata.namespace",
            ));
        }
        Ok(())
    }

    /// Replaces an object.
    ///
    /// # Errors
    /// 404 without it, 409 where `metadata.resourceVersion` or `metadata.uid` is another, 422 where a rule is broken.
    pub(crate) fn update(&mut self, key: &Key, mut new: Value, part: Part, dry: bool) -> Answer<Value> {
        let info = self.registry.get(key.resource).clone();
        let Some(old) = self.store.get(key).cloned() else {
            return Err(Refusal::not_found(&info, &key.name));
        };
        let version = text(&new, "/metadata/resourceVersion");
        if !version.is_empty() && version.parse::<u64>().is_err() {
            return Err(Refusal::plain(format!("strconv.ParseUint: parsing {version:?}: invalid syntax")));
        }
        if !version.is_empty() && version != text(&old, "/metadata/resourceVersion") {
            let why =
                "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Refusal::conflict(&info, &key.name, why));
        }
        let wanted = uid(&new);
        if !wanted.is_empty() && wanted != uid(&old) && version.is_empty() {
            let why = format!(
                "Precondition failed: UID in precondition: {wanted}, UID in object meta: {}",
                uid(&old)
            );
            return Err(Refusal::conflict(&info, &key.name, &why));
        }
        keep_other_part(&info, &old, &mut new, part);
        admission::check_update(&info, &old, &new)?;
        keep_server_metadata(&old, &mut new);
        forget_empty(&info, &mut new);
        bump_generation(&info, &old, &mut new);
        if dry {
            return Ok(new);
        }
        Ok(self.commit(key, &old, new))
    }

    /// Changes an object as a controller does: no version check, nothing written where nothing changes.
    pub(crate) fn modify(&mut self, key: &Key, change: impl FnOnce(&mut Value)) -> Option<Value> {
        let old = self.store.get(key).cloned()?;
        let mut new = old.clone();
        change(&mut new);
        let info = self.registry.get(key.resource).clone();
        bump_generation(&info, &old, &mut new);
        Some(self.commit(key, &old, new))
    }

    fn commit(&mut self, key: &Key, old: &Value, mut new: Value) -> Value {
        let version = text(old, "/metadata/resourceVersion");
        if text(&new, "/metadata/resourceVersion") != version {
            set(&mut new, "/metadata/resourceVersion", version);
        }
        if new == *old {
            return old.clone();
        }
        if is_deleting(&new) && may_go(&new) {
            self.store.remove(key);
            return new;
        }
        if key.resource == id::DEFINITIONS {
            self.registry.define(&new);
        }
        self.store.put(key.clone(), new)
    }

    /// Deletes an object: at once, or after its grace period and finalizers.
    ///
    /// # Errors
    /// 404 without it, 409 where a precondition fails.
    pub(crate) fn delete(&mut self, key: &Key, options: &Deletion) -> Answer<Value> {
        let info = self.registry.get(key.resource).clone();
        let Some(old) = self.store.get(key).cloned() else {
            return Err(Refusal::not_found(&info, &key.name));
        };
        check_preconditions(&info, key, &old, options)?;
        let grace = match key.resource {
            // Who says nothing leaves it at what was said before.
            id::PODS if is_deleting(&old) && options.grace.is_none() => {
                int(&old, "/metadata/deletionGracePeriodSeconds")
            }
            id::PODS => pod_grace(&old, options.grace),
            _ => 0,
        };
        let mut new = old.clone();
        if let Some(propagation) = options.propagation.as_deref() {
            propagate(&mut new, propagation);
        }
        self.mark_deleted(&mut new, grace);
        if key.resource == id::NAMESPACES {
            set(&mut new, "/status/phase", "Terminating");
        }
        if options.dry_run {
            return Ok(new);
        }
        if may_go(&new) {
            self.store.remove(key);
            set(&mut new, "/metadata/resourceVersion", self.store.revision().to_string());
            return Ok(new);
        }
        Ok(if new == old { old } else { self.store.put(key.clone(), new) })
    }

    fn mark_deleted(&self, object: &mut Value, grace: i64) {
        let is_shorter = grace < int(object, "/metadata/deletionGracePeriodSeconds");
        if !is_deleting(object) && int(object, "/metadata/generation") > 0 {
            let next = int(object, "/metadata/generation") + 1;
            set(object, "/metadata/generation", next);
        }
        if !is_deleting(object) {
            set(object, "/metadata/deletionTimestamp", self.clock.after(grace));
            set(object, "/metadata/deletionGracePeriodSeconds", grace);
        } else if is_shorter {
            // It counts from the first deletion, and never ends in the past (`rest.BeforeDelete`).
            let before = int(object, "/metadata/deletionGracePeriodSeconds");
            let passed =
                self.clock.seconds_since(text(object, "/metadata/deletionTimestamp")).unwrap_or_default();
            let left = grace - before - passed;
            set(object, "/metadata/deletionTimestamp", self.clock.after(left.max(0)));
            let grace = if left < 0 { grace.min(1) } else { grace };
            set(object, "/metadata/deletionGracePeriodSeconds", grace);
        }
    }
}

/// What is stored knows no difference between an empty list of rules and none; its owner does.
fn forget_empty(info: &Resource, object: &mut Value) {
    if matches!(info.kind.as_str(), "Role" | "ClusterRole") && list(object, "/rules").is_empty() {
        set(object, "/rules", Value::Null);
    }
}

fn taken(info: &Resource, key: &Key, object: &Value) -> Refusal {
    let refusal = Refusal::already_exists(info, &key.name);
    if text(object, "/metadata/generateName").is_empty() {
        return refusal;
    }
    let why = ", the server was not able to generate a unique name for the object";
    refusal.adding(why).retry_after(1)
}

/// Kinds whose strategy counts generations: not those that only have a status.
fn has_generation(info: &Resource) -> bool {
    let without =
        ["Namespace", "Node", "Service", "PersistentVolume", "PersistentVolumeClaim", "ServiceCIDR"];
    info.custom || (info.has_status() && !without.contains(&info.kind.as_str()))
}

fn bump_generation(info: &Resource, old: &Value, new: &mut Value) {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else { return };
    let counts = |key: &str| key != "metadata" && (key != "status" || !info.has_status());
    let same = before.iter().filter(|(k, _)| counts(k)).all(|(k, v)| after.get(k) == Some(v))
        && after.keys().filter(|k| counts(k)).all(|k| before.contains_key(k));
    let begun = is_deleting(new) && !is_deleting(old);
    if has_generation(info) && (!same || begun) {
        let next = int(old, "/metadata/generation") + 1;
        set(new, "/metadata/generation", next);
    }
}

fn keep_other_part(info: &Resource, old: &Value, new: &mut Value, part: Part) {
    match part {
        Part::Main if info.has_status() => match old.get("status") {
            Some(status) => set(new, "/status", status.clone()),
            None => unset(new, "", "status"),
        },
        Part::Main => {}
        Part::Status => {
            let (status, metadata) = (new.get("status").cloned(), new.get("metadata").cloned());
            *new = old.clone();
            set(new, "/status", status.unwrap_or_else(|| json!({})));
            set(new, "/metadata", metadata.unwrap_or_default());
        }
    }
}

fn keep_server_metadata(old: &Value, new: &mut Value) {
    for member in SERVER_OWNED {
        match old.pointer(&format!("/metadata/{member}")) {
            Some(value) => set(new, &format!("/metadata/{member}"), value.clone()),
            None => unset(new, "/metadata", member),
        }
    }
    for member in ["name", "namespace"] {
        if let Some(value) = old.pointer(&format!("/metadata/{member}")) {
            set(new, &format!("/metadata/{member}"), value.clone());
        }
    }
}

fn check_preconditions(info: &Resource, key: &Key, old: &Value, options: &Deletion) -> Answer<()> {
    let stale = |what: &str, wanted: &str, is: &str, how: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({is}). {how}"
        );
        Err(Refusal::precondition(info, &key.name, &why))
    };
    if let Some(wanted) = &options.uid
        && wanted != uid(old)
    {
        return stale("UID", wanted, uid(old), "The object might have been deleted and then recreated");
    }
    let version = text(old, "/metadata/resourceVersion");
    if let Some(wanted) = &options.resource_version
        && wanted != version
    {
        return stale("ResourceVersion", wanted, version, "The object might have been modified");
    }
    Ok(())
}

/// Grace of a pod's deletion (`pkg/registry/core/pod/strategy.go`, `CheckGracefulDelete`).
fn pod_grace(pod: &Value, wanted: Option<i64>) -> i64 {
    if text(pod, "/spec/nodeName").is_empty() || is_finished(pod) {
        return 0;
    }
    let seconds = wanted.unwrap_or_else(|| int(pod, "/spec/terminationGracePeriodSeconds"));
    // Less than none means as soon as the kubelet can.
    if seconds < 0 { 1 } else { seconds }
}

/// What garbage collection does with dependents is written as a finalizer, and a policy takes the place of an earlier
/// one (`deletionFinalizersForGarbageCollection`).
fn propagate(object: &mut Value, propagation: &str) {
    let mut all = list(object, "/metadata/finalizers").to_vec();
    all.retain(|f| f != "orphan" && f != "foregroundDeletion");
    match propagation {
        "Foreground" => all.push("foregroundDeletion".into()),
        "Orphan" => all.push("orphan".into()),
        _ => {}
    }
    set_list(object, "/metadata", "finalizers", all);
}

/// Whether nothing holds a deleted object any more: no finalizer, no grace, no namespace content.
fn may_go(object: &Value) -> bool {
    list(object, "/metadata/finalizers").is_empty()
        && int(object, "/metadata/deletionGracePeriodSeconds") == 0
        && (text(object, "/kind") != "Namespace" || list(object, "/spec/finalizers").is_empty())
}
