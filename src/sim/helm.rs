//! Releases: what helm keeps in Secrets and the stand-in for helm keeps here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::cni::chart;
use super::defaults;
use super::faults::HelmFault;
use super::json::{merge, set, text};
use super::lifecycle::{Deletion, Part};
use super::store::Key;
use super::world::World;

/// One release, its newest revision.
#[derive(Clone, Debug)]
struct Release {
    revision: u64,
    status: &'static str,
    version: String,
    values: Value,
    /// What the last applied revision rendered: apiVersion, kind, name.
    objects: Vec<(String, String, String)>,
    updated: String,
}

/// All releases by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Releases(BTreeMap<(String, String), Release>);

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

impl Releases {
    /// The minor of the installed chart.
    pub(crate) fn minor(&self) -> Option<u32> {
        let version = &self.0.values().next()?.version;
        version.trim_start_matches('v').split('.').nth(1)?.parse().ok()
    }

    /// As `helm list -o json` shows them.
    pub(crate) fn list(&self, namespace: &str) -> Vec<Value> {
        let shown = self.0.iter().filter(|((n, _), _)| namespace.is_empty() || n == namespace);
        shown.map(|((namespace, name), release)| release.entry(namespace, name)).collect()
    }

    /// The user's values of a release.
    pub(crate) fn values(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.0.get(&(namespace.to_owned(), name.to_owned())).map(|r| &r.values)
    }
}

impl Release {
    fn entry(&self, namespace: &str, name: &str) -> Value {
        json!({
            "name": name, "namespace": namespace, "revision": self.revision.to_string(), "updated": self.updated,
            "status": self.status, "chart": format!("cilium-{}", self.version), "app_version": self.version,
        })
    }

    fn answer(&self, namespace: &str, name: &str) -> Value {
        json!({
            "name": name, "namespace": namespace, "version": self.revision,
            "info": {"status": self.status, "description": "", "last_deployed": self.updated},
            "config": self.values, "chart": {"metadata": {"name": "cilium", "version": self.version}},
        })
    }
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
        let id = (order.namespace.clone(), order.name.clone());
        let before = self.releases.0.get(&id).cloned();
        match (order.action.as_str(), &before) {
            ("install", Some(_)) => {
                return Err("INSTALLATION FAILED: cannot re-use a name that is still in use".to_owned());
            }
            ("upgrade", None) => {
                return Err(format!("UPGRADE FAILED: {:?} has no deployed releases", order.name));
            }
            (_, Some(b)) if b.status.starts_with("pending") => {
                return Err(
                    "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress".to_owned()
                );
            }
            _ => {}
        }
        let mut values = match &before {
            Some(before) if order.reuse_values => before.values.clone(),
            _ => json!({}),
        };
        merge(&mut values, &order.values);
        let objects = chart::render(&order.namespace, &order.version, &values)?;
        let pending = if before.is_some() { "pending-upgrade" } else { "pending-install" };
        let mut release = Release {
            revision: before.as_ref().map_or(1, |b| b.revision + 1),
            status: pending,
            version: order.version.trim_start_matches('v').to_owned(),
            values,
            objects: chart::names(&objects),
            updated: self.clock.now(),
        };
        if order.dry_run {
            return Ok(release.answer(&order.namespace, &order.name));
        }
        match self.faults.helm.pop_front() {
            Some(HelmFault::Refuse(why)) => return Err(why),
            Some(HelmFault::Pending) => {
                self.releases.0.insert(id, release);
                return Err("signal: killed".to_owned());
            }
            None => {}
        }
        self.apply_objects(order, objects)?;
        for gone in before.iter().flat_map(|b| &b.objects).filter(|o| !release.objects.contains(o)) {
            self.delete_rendered(&order.namespace, gone);
        }
        release.status = "deployed";
        let answer = release.answer(&order.namespace, &order.name);
        self.releases.0.insert(id, release);
        Ok(answer)
    }

    fn apply_objects(&mut self, order: &Order, objects: Vec<Value>) -> Result<(), String> {
        for mut object in objects {
            set(&mut object, "/metadata/labels/app.kubernetes.io~1managed-by", "Helm");
            set(&mut object, "/metadata/annotations/meta.helm.sh~1release-name", order.name.as_str());
            set(
                &mut object,
                "/metadata/annotations/meta.helm.sh~1release-namespace",
                order.namespace.as_str(),
            );
            let found = self.registry.by_kind(text(&object, "/apiVersion"), text(&object, "/kind"));
            let resource =
                found.ok_or_else(|| format!("no matches for kind {:?}", text(&object, "/kind")))?;
            let key = Key::of(resource, &object);
            let result = match self.store.get(&key).cloned() {
                None => self.create(resource, object, false),
                Some(old) => {
                    let mut new = Value::clone(&old);
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
        let release = self.releases.0.remove(&(namespace.to_owned(), name.to_owned()));
        let release =
            release.ok_or_else(|| format!("uninstall: Release not loaded: {name}: release: not found"))?;
        for object in &release.objects {
            self.delete_rendered(namespace, object);
        }
        Ok(())
    }

    fn delete_rendered(&mut self, namespace: &str, (version, kind, name): &(String, String, String)) {
        let Some(resource) = self.registry.by_kind(version, kind) else { return };
        let namespace = if self.registry.get(resource).namespaced { namespace } else { "" };
        // Something deleted by hand before is what helm ignores too.
        drop(self.delete(&Key::new(resource, namespace, name), &Deletion::default()));
    }
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
