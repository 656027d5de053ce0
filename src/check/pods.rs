//! Which pods live in a namespace and stand behind a Service: an index, since clusters have thousands of both.

use std::collections::HashMap;

use crate::model::{Pod, Service, ServiceRef, Snapshot};

/// Pods by namespace, Services by name.
pub(super) struct Pods<'a> {
    pods: HashMap<&'a str, Vec<&'a Pod>>,
    services: HashMap<(&'a str, &'a str), &'a Service>,
}

impl<'a> Pods<'a> {
    /// An index over the pods that still run.
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut pods: HashMap<&str, Vec<&Pod>> = HashMap::new();
        for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished() && !pod.deleting) {
            pods.entry(&pod.namespace).or_default().push(pod);
        }
        let services = snapshot.services.iter().map(|s| ((&*s.namespace, &*s.name), s)).collect();
        Self { pods, services }
    }

    /// The pods of a namespace.
    pub(super) fn in_namespace(&self, namespace: &str) -> &[&'a Pod] {
        self.pods.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The pods that a Service selects.
    pub(super) fn behind(&self, service: &Service) -> Vec<&'a Pod> {
        self.in_namespace(&service.namespace).iter().copied().filter(|pod| service.selects(pod)).collect()
    }

    /// The same by name; none where there is no such Service.
    pub(super) fn behind_name(&self, name: &ServiceRef) -> Vec<&'a Pod> {
        self.services
            .get(&(&*name.namespace, &*name.name))
            .map_or_else(Vec::new, |service| self.behind(service))
    }
}
