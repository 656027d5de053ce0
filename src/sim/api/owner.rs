//! Who owns which field: `metadata.managedFields`, as every write records it
//! (`structured-merge-diff/merge/update.go`, `k8s.io/apimachinery/pkg/util/managedfields`).

use std::collections::BTreeSet;

use crate::sim::json::{list, set, text, unset};
use crate::sim::resource::ResourceId;
use crate::sim::schema::{self, Shape};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::{Call, FieldSet, Target};

/// Who writes, for `metadata.managedFields`.
pub(crate) struct Owner {
    pub(crate) manager: String,
    operation: &'static str,
    api_version: String,
    subresource: String,
    pub(crate) shape: Shape,
    reset: &'static [&'static [&'static str]],
    now: String,
}

/// The name under which the server writes by itself.
const SERVER: &str = "kube-apiserver";

impl Owner {
    /// The server itself, where it writes a part of an object on a caller's behalf.
    pub(crate) fn server(world: &World, resource: ResourceId, subresource: &str) -> Self {
        let info = world.registry.get(resource);
        let target = Target {
            resource,
            version: info.versions.first().cloned().unwrap_or_default(),
            namespace: None,
            name: None,
            subresource: Some(subresource.to_owned()),
        };
        Self::named(world, SERVER.to_owned(), &target, "Update")
    }

    /// The writer of a call.
    pub(crate) fn of(world: &World, call: &Call, target: &Target, operation: &'static str) -> Self {
        Self::named(world, call.manager(), target, operation)
    }

    fn named(world: &World, manager: String, target: &Target, operation: &'static str) -> Self {
        let info = world.registry.get(target.resource);
        let reset: &[&[&str]] = match (target.subresource.as_deref(), info.kind.as_str()) {
            (Some("status"), "Deployment" | "ReplicaSet") => &[&["f:spec"], &["f:metadata", "f:labels"]],
            (Some("status"), _) if info.custom => &[&["f:spec"], &["f:metadata"]],
            (Some("status"), _) => &[&["f:spec"]],
            (None, _) if info.has_status() => &[&["f:status"]],
            _ => &[],
        };
        Self {
            manager,
            operation,
            api_version: info.api_version(&target.version),
            subresource: target.subresource.clone().unwrap_or_default(),
            shape: schema::of(info),
            reset,
            now: world.clock.now(),
        }
    }

    /// The fields of a document that is applied.
    pub(crate) fn applied(&self, object: &Value) -> FieldSet {
        FieldSet::from(schema::leaves(object, &self.shape)).owned(self.reset)
    }

    /// The fields that a write sets, and those that it removes.
    pub(crate) fn changed(&self, old: &Value, new: &Value) -> (FieldSet, FieldSet) {
        let empty;
        let old = if old.is_null() {
            empty = schema::empty(&self.shape);
            &empty
        } else {
            old
        };
        let change = schema::changes(old, new, &self.shape);
        let mut written = FieldSet::from(change.added);
        written.extend(&change.modified.into());
        (written.owned(self.reset), FieldSet::from(change.removed).owned(self.reset))
    }

    /// Gives the fields that a write changes to its writer, and takes them from the others.
    pub(crate) fn record(&self, old: &Value, new: &mut Value) {
        // Of an object without owners nothing is tracked from then on (`managedfields/internal/skipnonapplied.go`).
        if !old.is_null() && list(old, "/metadata/managedFields").is_empty() {
            unset(new, "/metadata", "managedFields");
            return;
        }
        let (written, removed) = self.changed(old, new);
        if removed.is_empty() && self.owns_alone(old, &written) {
            set(new, "/metadata/managedFields", entries(old));
            return;
        }
        let mut lost = written.clone();
        lost.extend(&removed);
        set(new, "/metadata/managedFields", entries(old));
        self.take_from_others(new, &lost);
        let mut mine = self.owned(new).without(&removed);
        mine.extend(&written);
        self.write(new, &mine, false);
    }

    /// Whether nobody else owns any field, and this writer these already: then nothing changes hands.
    fn owns_alone(&self, object: &Value, fields: &FieldSet) -> bool {
        match list(object, "/metadata/managedFields") {
            [entry] => self.is_mine(entry) && fields.are_in_wire(&entry["fieldsV1"]),
            _ => false,
        }
    }

    /// Gives every updater of a number that the scale set anew an entry for it alone, without a time and before all
    /// others: by their keys, which have a version in them, none of the scale's owners is one of the object's
    /// (`managedfields/scalehandler.go`, `ToParent`).
    pub(crate) fn scale_to_same(object: &mut Value) {
        let replicas: FieldSet =
            BTreeSet::from([["f:spec", "f:replicas"].map(str::to_owned).to_vec()]).into();
        let (mut alone, mut others) = (Vec::new(), Vec::new());
        for mut entry in entries(object) {
            let fields = FieldSet::from_wire(&entry["fieldsV1"]);
            let left = fields.without(&replicas);
            if text(&entry, "/operation") != "Update" || left == fields {
                others.push(entry);
                continue;
            }
            if !left.is_empty() {
                let mut rest = entry.clone();
                rest["fieldsV1"] = left.to_wire();
                others.push(rest);
            }
            unset(&mut entry, "", "time");
            entry["fieldsV1"] = replicas.to_wire();
            alone.push(entry);
        }
        alone.append(&mut others);
        set(object, "/metadata/managedFields", alone);
    }

    /// Takes fields from all entries but one's own.
    pub(crate) fn take_from_others(&self, object: &mut Value, fields: &FieldSet) {
        let entries = list(object, "/metadata/managedFields").iter().filter_map(|entry| {
            if self.is_mine(entry) {
                return Some(entry.clone());
            }
            let before = FieldSet::from_wire(&entry["fieldsV1"]);
            let left = before.without(fields);
            let mut entry = entry.clone();
            entry["fieldsV1"] = left.to_wire();
            // An applied entry may be empty from its beginning.
            (!left.is_empty() || before.is_empty()).then_some(entry)
        });
        let entries: Vec<Value> = entries.collect();
        set(object, "/metadata/managedFields", entries);
    }

    /// Whether an entry is this writer's.
    pub(crate) fn is_mine(&self, entry: &Value) -> bool {
        who(entry) == [&self.manager, self.operation, &self.api_version, &self.subresource]
    }

    /// The fields that this writer owns.
    pub(crate) fn owned(&self, object: &Value) -> FieldSet {
        list(object, "/metadata/managedFields")
            .iter()
            .find(|e| self.is_mine(e))
            .map(|e| FieldSet::from_wire(&e["fieldsV1"]))
            .unwrap_or_default()
    }

    /// Writes this writer's entry; an entry whose fields are the same keeps its time.
    pub(crate) fn write(&self, object: &mut Value, fields: &FieldSet, even_empty: bool) {
        let mut entries = list(object, "/metadata/managedFields").to_vec();
        let at = entries.iter().position(|e| self.is_mine(e));
        if at.is_some_and(|at| entries[at]["fieldsV1"] == fields.to_wire()) {
            return;
        }
        if let Some(at) = at {
            entries.remove(at);
        }
        if even_empty || !fields.is_empty() {
            let mut entry = json!({
                "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
                "time": self.now, "fieldsType": "FieldsV1", "fieldsV1": fields.to_wire(),
            });
            if !self.subresource.is_empty() {
                set(&mut entry, "/subresource", self.subresource.as_str());
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            unset(object, "/metadata", "managedFields");
        } else {
            set(object, "/metadata/managedFields", entries);
        }
    }
}

/// The entries of an object as the server reads them: of two of one owner the last counts.
pub(crate) fn entries(object: &Value) -> Vec<Value> {
    let all = list(object, "/metadata/managedFields");
    let is_last = |at: &usize| !all[at + 1..].iter().any(|later| who(later) == who(&all[*at]));
    (0..all.len()).filter(is_last).map(|at| all[at].clone()).collect()
}

/// What tells an entry's owner from others.
fn who(entry: &Value) -> [&str; 4] {
    ["/manager", "/operation", "/apiVersion", "/subresource"].map(|at| text(entry, at))
}
