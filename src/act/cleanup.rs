//! Removing the source CNI: exactly the inventory that was taken at detection, saved before it goes.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use super::engine::{Engine, TICK};
use super::sweep::{Scan, sweep_node};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::{Delete, Poll, until};
use crate::model::{ObjectRef, Read, Shared};
use crate::plan::Step;
use crate::report::count;
use crate::source::lives_in_any_namespace;
use crate::target::CNI_FILE;

/// So many nodes are swept at a time, after the first one: each takes a helper pod three times.
const AT_A_TIME: usize = 8;

impl Engine<'_> {
    /// Removes every trace of the source CNI and proves by a second scan that none is left.
    ///
    /// # Errors
    /// A refusal while any pod has an old address, any node lacks Cilium, or somebody would re-create the source.
    pub async fn cleanup(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.may_go_on()?;
        if let Some(advice) = &self.journal.record().inventory.owner_advice {
            return Err(Error::no(format!("the source CNI would come back: {advice}")));
        }
        self.all_pods_on_cilium("cleanup").await?;
        let nodes = self.every_node_has_cilium().await?;
        if self.is_dry() {
            return self.would_clean_up(&nodes).await;
        }
        self.save_objects().await?;
        self.journal.intend(&Step::Cleanup.id()).await?;
        self.report.event(&Event::Started { step: "cleanup".into() });
        let objects = self.delete_objects().await?;
        let mut found = 0;
        let mut problems = Vec::new();
        for (node, swept) in nodes.iter().zip(self.sweep(&nodes).await) {
            let (removed, second) = swept?;
            found += removed;
            let (foreign, left): (Vec<_>, Vec<_>) =
                second.leftovers.iter().partition(|leftover| leftover.is_left_alone());
            problems.extend(left.iter().map(|l| format!("node {node}: {l}")));
            for unknown in foreign.iter().map(ToString::to_string).chain(second.unknown) {
                self.waits("cleanup", format!("node {node}: unknown, left alone: {unknown}"));
            }
        }
        if !problems.is_empty() {
            return Err(Error::partial(format!("the second scan still finds:\n  {}", problems.join("\n  ")))
                .hint("a reboot of the node clears links and rules; then repeat: kubectl cni-migrate cleanup-flannel"));
        }
        self.prober().clean(true).await?;
        self.journal.done(&Step::Cleanup.id());
        self.journal.save().await?;
        let detail = format!(
            "{} and {} on {} removed; a second scan finds nothing",
            count(objects, "object"),
            count(found, "leftover"),
            count(nodes.len(), "node")
        );
        self.report.event(&Event::Done { step: "cleanup".into(), detail, took: Some(begun.elapsed()) });
        Ok(())
    }

    /// Sweeps the first node alone, then the others some at a time; after a failure no other one is begun.
    async fn sweep(&self, nodes: &[Shared]) -> Vec<Result<(usize, Scan)>> {
        let has_failed = AtomicBool::new(false);
        let one = async |node: &Shared| {
            if has_failed.load(Ordering::SeqCst) {
                return None;
            }
            let swept = sweep_node(self, node).await;
            has_failed.fetch_or(swept.is_err(), Ordering::SeqCst);
            Some(swept)
        };
        let (first, others) = nodes.split_at(nodes.len().min(1));
        let mut all = Vec::new();
        for (nodes, at_a_time) in [(first, 1), (others, AT_A_TIME)] {
            all.extend(futures::stream::iter(nodes).map(&one).buffered(at_a_time).collect::<Vec<_>>().await);
        }
        all.into_iter().flatten().collect()
    }

    /// The names of the nodes, each of which uses Cilium's configuration.
    async fn every_node_has_cilium(&self) -> Result<Vec<Shared>> {
        let mut snapshot = self.observer.agents().await?;
        self.observer.add_agent_views(&mut snapshot, self.access).await;
        for node in &snapshot.nodes {
            let first = match snapshot.agent_views.get(&node.name) {
                Some(Read::Known(view)) => view.first_cni_file().unwrap_or("nothing").to_owned(),
                Some(Read::Unknown(why)) => return Err(Error::failed(format!("node {}: {why}", node.name))),
                None => return Err(Error::failed(format!("node {} was not read", node.name))),
            };
            if first != CNI_FILE {
                return Err(Error::no(format!(
                    "cleanup is too early: node {} uses {first}, not {CNI_FILE}",
                    node.name
                ))
                .hint(format!("migrate it first: kubectl cni-migrate node {}", node.name)));
            }
        }
        Ok(snapshot.nodes.into_iter().map(|node| node.name).collect())
    }

    /// Keeps a copy of every object in the journal, without what the server would set anew.
    async fn save_objects(&mut self) -> Result<()> {
        if !self.journal.record().saved_objects.is_empty() {
            return Ok(());
        }
        let inventory = self.journal.record().inventory.clone();
        let mut copies = Vec::new();
        for object in inventory.objects.iter().chain(&inventory.namespace) {
            if let Some(mut saved) = self.observer.object(object).await? {
                strip(&mut saved);
                copies.push(saved);
            }
        }
        self.journal.keep(copies);
        self.journal.save().await
    }

    async fn delete_objects(&self) -> Result<usize> {
        let inventory = &self.journal.record().inventory;
        let mut deleted = 0;
        for object in &inventory.objects {
            deleted += usize::from(self.delete_object(object).await?);
        }
        if let Some(namespace) = &inventory.namespace {
            match self.observer.living_in(&namespace.name, lives_in_any_namespace).await? {
                Some(other) => {
                    self.waits("cleanup", format!("namespace {} stays: {other} lives in it", namespace.name));
                }
                None => deleted += usize::from(self.delete_object(namespace).await?),
            }
        }
        Ok(deleted)
    }

    /// Deletes one object of that UID and waits until it and what it owns is gone; false where it was not there.
    async fn delete_object(&self, object: &ObjectRef) -> Result<bool> {
        match self.observer.uid(object).await? {
            None => return Ok(false),
            Some(uid) if uid != object.uid => {
                return Err(Error::no(format!(
                    "{object} is not the one that was there at detection: somebody made it anew"
                ))
                .hint("who re-creates it? look for a GitOps tool or an add-on manager"));
            }
            Some(_) => {}
        }
        self.may_go_on()?;
        // Foreground: a DaemonSet goes only after its pods, so that nothing rewrites what the sweep removes.
        let how = Delete { uid: Some(&object.uid), propagation: Some("Foreground"), ..Delete::default() };
        self.writer.delete(&object.path(), &how).await?;
        until(&format!("deletion of {object}"), self.options.timeout, TICK, async || {
            Ok(match self.observer.uid(object).await? {
                Some(uid) if uid == object.uid => Poll::Pending("it is still there".into()),
                _ => Poll::Ready(true),
            })
        })
        .await
    }
}

fn strip(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink"]
        {
            metadata.remove(key);
        }
    }
}
