//! What helm does to releases, by the stand-in for it.

use serde::Deserialize;

use super::cni::chart;
use super::defaults;
use super::faults::HelmFault;
use super::json::{merge, set, text};
use super::lifecycle::{Deletion, Part};
use super::release::Release;
use super::store::Key;
use super::world::World;
use crate::model;
use crate::sim::value::{Value, json};

/// What is asked of the stand-in for helm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    name: String,
    namespace: String,
    version: String,
    values: Value,
    /// `install` or `upgrade`.
    action: String,
    #[serde(default)]
    dry_run: bool,
    /// Keep the values of the revision before under the new ones.
    #[serde(default)]
    reuse_values: bool,
}

/// As an entry of `helm list -o json`.
pub(crate) fn entry(release: &Release) -> Value {
    let Release { name, namespace, revision, status, version, updated, .. } = release;
    json!({
        "name": name, "namespace": namespace, "revision": revision.to_string(), "updated": updated,
        "status": status, "chart": format!("cilium-{version}"), "app_version": version,
    })
}

/// The objects of an order, as `helm template` prints them.
///
/// # Errors
/// helm's message.
pub(crate) fn template(order: &Order) -> Result<Vec<Value>, String> {
    chart::render(&order.namespace, &order.version, &order.values)
}

impl World {
    /// Installs or upgrades.
    ///
    /// # Errors
    /// helm's message.
    pub(crate) fn helm_apply(&mut self, order: &Order) -> Result<Value, String> {
        let before = self.release(&order.namespace, &order.name);
        refuse(order, before.as_ref())?;
        let mut values = match &before {
            Some(before) if order.reuse_values => before.values.clone(),
            _ => json!({}),
        };
        merge(&mut values, &order.values);
        let objects = chart::render(&order.namespace, &order.version, &values)?;
        let pending = if before.is_some() { "pending-upgrade" } else { "pending-install" };
        let mut release = Release {
            name: order.name.clone(),
            namespace: order.namespace.clone(),
            revision: before.as_ref().map_or(1, |b| b.revision + 1),
            status: pending.to_owned(),
            version: order.version.trim_start_matches('v').to_owned(),
            values,
            manifest: manifest(&objects),
            updated: self.clock.now(),
        };
        if order.dry_run {
            return Ok(release.record());
        }
        match self.faults.helm.pop_front() {
            Some(HelmFault::Refuse(why)) => return Err(why),
            Some(HelmFault::Pending) => {
                self.keep_release(&release)?;
                return Err("signal: killed".to_owned());
            }
            None => {}
        }
        self.apply_objects(order, objects)?;
        if let Some(mut before) = before {
            let kept = release.objects();
            for gone in before.objects().iter().filter(|o| !kept.contains(o)) {
                self.delete_rendered(&order.namespace, gone);
            }
            "superseded".clone_into(&mut before.status);
            self.keep_release(&before)?;
        }
        "deployed".clone_into(&mut release.status);
        self.keep_release(&release)?;
        Ok(release.record())
    }

    /// Takes over a release as a snapshot tells of it; what its chart rendered is there already.
    ///
    /// # Errors
    /// Values that the chart refuses.
    pub(crate) fn adopt_release(&mut self, recorded: &model::Release) -> Result<(), String> {
        let model::Release { name, namespace, revision, status, chart, values } = recorded;
        let version = chart.split_once('-').map_or(chart.as_str(), |(_, version)| version);
        let version = version.trim_start_matches('v').to_owned();
        let values = Value::from(values.clone());
        let objects = chart::render(namespace, &version, &values)?;
        self.own_all(&objects, namespace, name);
        let manifest = manifest(&objects);
        self.keep_release(&Release {
            name: name.clone(),
            namespace: namespace.clone(),
            revision: u64::from(*revision),
            status: status.clone(),
            version,
            values,
            manifest,
            updated: self.clock.now(),
        })
    }

    /// Marks what is there of rendered objects: a snapshot leaves the marks out.
    fn own_all(&mut self, objects: &[Value], namespace: &str, release: &str) {
        for object in objects {
            let found = self.registry.by_kind(text(object, "/apiVersion"), text(object, "/kind"));
            let Some(key) = found.map(|resource| Key::of(resource, object)) else { continue };
            if let Some(present) = self.store.get(&key) {
                let mut owned = present.clone();
                own(&mut owned, namespace, release);
                self.store.put(key, owned);
            }
        }
    }

    fn apply_objects(&mut self, order: &Order, objects: Vec<Value>) -> Result<(), String> {
        for mut object in objects {
            own(&mut object, &order.namespace, &order.name);
            let found = self.registry.by_kind(text(&object, "/apiVersion"), text(&object, "/kind"));
            let resource =
                found.ok_or_else(|| format!("no matches for kind {:?}", text(&object, "/kind")))?;
            let key = Key::of(resource, &object);
            let result = match self.store.get(&key).cloned() {
                None => self.create(resource, object, false),
                Some(old) => {
                    let mut new = old.clone();
                    // What the chart no longer says goes too, as helm's three-way merge has it.
                    for part in ["data", "rules", "subjects"] {
                        if let Some(value) = object.get(part) {
                            set(&mut new, &format!("/{part}"), value.clone());
                        }
                    }
                    if let Some(template) = object.pointer("/spec/template") {
                        replace_template(&mut new, template);
                    }
                    merge(&mut new, &without_template(&object));
                    // As the API server reads it; else the template would seem to be another one.
                    defaults::fill(self.registry.get(resource), &mut new);
                    self.update(&key, new, Part::Main, false)
                }
            };
            result.map_err(|r| text(&r.body, "/message").to_owned())?;
        }
        Ok(())
    }

    /// Uninstalls; what the operator made at run time stays.
    ///
    /// # Errors
    /// helm's message.
    pub(crate) fn helm_uninstall(&mut self, namespace: &str, name: &str) -> Result<(), String> {
        let release = self.release(namespace, name);
        let release =
            release.ok_or_else(|| format!("uninstall: Release not loaded: {name}: release: not found"))?;
        for object in &release.objects() {
            self.delete_rendered(namespace, object);
        }
        self.forget_release(&release);
        Ok(())
    }

    fn delete_rendered(&mut self, namespace: &str, (version, kind, name): &(String, String, String)) {
        let Some(resource) = self.registry.by_kind(version, kind) else { return };
        let namespace = if self.registry.get(resource).namespaced { namespace } else { "" };
        // Something deleted by hand before is what helm ignores too.
        drop(self.delete(&Key::new(resource, namespace, name), &Deletion::default()));
    }
}

/// What stands in the way of an order.
fn refuse(order: &Order, before: Option<&Release>) -> Result<(), String> {
    match (order.action.as_str(), before) {
        ("install", Some(_)) => {
            Err("INSTALLATION FAILED: cannot re-use a name that is still in use".to_owned())
        }
        ("upgrade", None) => Err(format!("UPGRADE FAILED: {:?} has no deployed releases", order.name)),
        (_, Some(release)) if release.status.starts_with("pending") => {
            Err("UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress".to_owned())
        }
        _ => Ok(()),
    }
}

/// Marks an object as one of a release (`helm/pkg/action/validate.go`).
fn own(object: &mut Value, namespace: &str, name: &str) {
    set(object, "/metadata/labels/app.kubernetes.io~1managed-by", "Helm");
    set(object, "/metadata/annotations/meta.helm.sh~1release-name", name);
    set(object, "/metadata/annotations/meta.helm.sh~1release-namespace", namespace);
}

/// Rendered objects as helm keeps them.
fn manifest(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

/// Restart annotations that others put on a template stay, as they do with helm.
fn replace_template(object: &mut Value, template: &Value) {
    let restarted = super::json::entry(
        object,
        "/spec/template/metadata/annotations",
        "kubectl.kubernetes.io/restartedAt",
    );
    let restarted = restarted.map(str::to_owned);
    let mut defaults = object["spec"]["template"]["spec"].clone();
    merge(&mut defaults, &template["spec"]);
    set(object, "/spec/template", template.clone());
    set(object, "/spec/template/spec", defaults);
    if let Some(at) = restarted {
        set(object, "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt", at);
    }
}

fn without_template(object: &Value) -> Value {
    let mut copy = object.clone();
    super::json::unset(&mut copy, "/spec", "template");
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::builder::Builder;
    use crate::sim::json::label;
    use crate::sim::resource::id;

    fn order(action: &str, values: &Value) -> Order {
        let order = json!({"name": "cilium", "namespace": "kube-system", "version": "v1.19.6", "values": values,
            "action": action, "reuseValues": true});
        serde_json::from_value(order.into()).unwrap()
    }

    /// Revisions and what became of them, as a real helm lists them by their labels.
    fn history(world: &World) -> Vec<(String, String)> {
        let of_helm = world.store.list(id::SECRETS, None).filter(|s| label(s, "owner") == Some("helm"));
        let part = |secret: &Value, key: &str| label(secret, key).unwrap_or_default().to_owned();
        of_helm.map(|secret| (part(secret, "version"), part(secret, "status"))).collect()
    }

    #[tokio::test]
    async fn every_revision_has_a_secret_until_the_release_is_uninstalled() {
        let mut world = Builder::default().nodes(1).world().unwrap();
        world.helm_apply(&order("install", &json!({"MTU": 1400}))).unwrap();
        assert_eq!(history(&world), [("1".into(), "deployed".into())]);
        world.helm_apply(&order("upgrade", &json!({"tunnelPort": 8473}))).unwrap();
        assert_eq!(history(&world), [("1".into(), "superseded".into()), ("2".into(), "deployed".into())]);
        let newest = world.release("kube-system", "cilium").unwrap();
        assert_eq!((newest.revision, newest.values), (2, json!({"MTU": 1400, "tunnelPort": 8473})));
        world.helm_uninstall("kube-system", "cilium").unwrap();
        assert_eq!(history(&world), []);
    }
}
