//! Pages of lists: continue tokens as the API server makes them (`k8s.io/apiserver/pkg/storage/continue.go`), over the
//! objects as they were when the first page was read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::*;
use tokio::time::Instant;

use crate::sim::json::{int, name, namespace, text};
use crate::sim::resource::ResourceId;
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::read::Filter;
use super::{Call, Target, syntax};

/// Page runs under way that are kept; the oldest answers 410 when another comes.
const KEPT: usize = 32;
const VERSION: &str = "meta.k8s.io/v1";
/// Page runs are kept for so long: after that the API server has let etcd forget their revision
/// (`--etcd-compaction-interval`).
const KEPT_FOR: Duration = Duration::from_mins(5);
/// The version in a token that goes on with what is there now.
const LATEST: i64 = -1;

/// What paged lists go on with.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(VecDeque<Snapshot>);

/// The objects of a resource, in all namespaces or in one, as they were at a revision.
#[derive(Clone, Debug)]
struct Snapshot {
    resource: ResourceId,
    namespace: Option<String>,
    revision: u64,
    objects: Arc<[Value]>,
    begun: Instant,
    /// Whether its last page was read: only somebody who lost that answer asks again.
    is_read: bool,
}

impl Snapshot {
    fn is_of(&self, target: &Target, revision: u64) -> bool {
        self.revision == revision && self.resource == target.resource && self.namespace == target.namespace
    }
}

impl Snapshots {
    /// Forgets all page runs, as etcd's compaction does.
    pub(crate) fn compact(&mut self) {
        self.0.clear();
    }

    /// Forgets what is too old: each run holds every object as it was, however long ago that object changed.
    fn forget_old(&mut self) {
        self.0.retain(|run| run.begun.elapsed() < KEPT_FOR);
    }

    fn find(&self, target: &Target, revision: u64) -> Option<Snapshot> {
        self.0.iter().find(|run| run.is_of(target, revision)).cloned()
    }

    /// Keeps of the runs that were read to their end the last one only: each holds every object as it was.
    fn finish(&mut self, target: &Target, revision: u64) {
        self.0.retain(|run| !run.is_read);
        if let Some(run) = self.0.iter_mut().find(|run| run.is_of(target, revision)) {
            run.is_read = true;
        }
    }

    fn keep(&mut self, snapshot: Snapshot) {
        self.0.push_back(snapshot);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }
}

/// One page.
pub(crate) struct Page {
    pub(crate) objects: Vec<Value>,
    /// `ListMeta`.
    pub(crate) metadata: Value,
}

/// Reads a page: the first one, or the one that a token goes on with.
///
/// # Errors
/// 400 for a token that is none, 410 for an outdated one.
pub(crate) fn page(world: &mut World, call: &Call, target: &Target, filter: &Filter) -> Answer<Page> {
    world.snapshots.forget_old();
    let limit = call.param("limit").and_then(|l| l.parse::<usize>().ok()).filter(|limit| *limit > 0);
    // What may be of any age comes from the watch cache, which knows no pages.
    let limit = limit.filter(|_| call.param("resourceVersion") != Some("0"));
    let token = call.param("continue");
    if limit.is_none() && token.is_none() {
        let metadata = json!({"resourceVersion": world.store.revision().to_string()});
        return Ok(Page { objects: filter.objects(world, target), metadata });
    }
    let (snapshot, from) = match token {
        Some(token) => resumed(world, target, token)?,
        None => match whole(world, target, limit, filter) {
            Some(page) => return Ok(page),
            None => (now(world, target), 0),
        },
    };
    let (objects, end) = taken(&snapshot.objects, from, limit.unwrap_or(usize::MAX), filter);
    let mut metadata = json!({"resourceVersion": snapshot.revision.to_string()});
    if let Some(last) = snapshot.objects[..end].last().filter(|_| end < snapshot.objects.len()) {
        metadata["continue"] = encoded(target, snapshot.revision, last).into();
        if filter.is_empty() {
            metadata["remainingItemCount"] = (snapshot.objects.len() - end).into();
        }
        if world.snapshots.find(target, snapshot.revision).is_none() {
            world.snapshots.keep(snapshot);
        }
    } else {
        world.snapshots.finish(target, snapshot.revision);
    }
    Ok(Page { objects, metadata })
}

/// A list that is shorter than a page: nothing has to be kept for the next one, and a selector may use an index.
fn whole(world: &World, target: &Target, limit: Option<usize>, filter: &Filter) -> Option<Page> {
    let limit = limit?;
    if filter.is_empty()
        && world.store.list(target.resource, target.namespace.as_deref()).nth(limit).is_some()
    {
        return None;
    }
    let objects = filter.objects(world, target);
    let metadata = json!({"resourceVersion": world.store.revision().to_string()});
    (objects.len() < limit).then_some(Page { objects, metadata })
}

/// The objects that match, and where the next page begins: behind the last one that was looked at.
fn taken(all: &[Value], from: usize, limit: usize, filter: &Filter) -> (Vec<Value>, usize) {
    let mut objects = Vec::new();
    for (at, object) in all.iter().enumerate().skip(from) {
        if filter.matches(object) {
            objects.push(object.clone());
        }
        if objects.len() == limit {
            return (objects, at + 1);
        }
    }
    (objects, all.len())
}

fn now(world: &World, target: &Target) -> Snapshot {
    Snapshot {
        resource: target.resource,
        namespace: target.namespace.clone(),
        revision: world.store.revision(),
        objects: world.store.list(target.resource, target.namespace.as_deref()).cloned().collect(),
        begun: Instant::now(),
        is_read: false,
    }
}

fn resumed(world: &World, target: &Target, token: &str) -> Answer<(Snapshot, usize)> {
    let (version, start) = decoded(token).map_err(|why| {
        Refusal::bad_request(format!("invalid continue token: continue key is not valid{why}"))
    })?;
    let gone = || {
        Refusal::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter.",
        )
    };
    let snapshot = match version {
        LATEST => now(world, target),
        version => {
            let revision = u64::try_from(version).map_err(|_| gone())?;
            world.snapshots.find(target, revision).ok_or_else(gone)?
        }
    };
    let is_before = |object: &Value| key(target, object).as_str() < start.trim_end_matches('\0');
    let mut from = snapshot.objects.partition_point(is_before);
    if start.ends_with('\0')
        && snapshot.objects.get(from).is_some_and(|o| key(target, o) == start.trim_end_matches('\0'))
    {
        from += 1;
    }
    Ok((snapshot, from))
}

/// The name of an object within its list.
fn key(target: &Target, object: &Value) -> String {
    match (&target.namespace, namespace(object)) {
        (None, space) if !space.is_empty() => format!("{space}/{}", name(object)),
        _ => name(object).to_owned(),
    }
}

fn encoded(target: &Target, revision: u64, last: &Value) -> String {
    let token = json!({"v": VERSION, "rv": revision, "start": format!("{}\0", key(target, last))});
    BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
}

/// Version and beginning of a token.
fn decoded(token: &str) -> Result<(i64, String), String> {
    let data = BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| ": illegal base64 data at input byte 0".to_owned())?;
    let parsed: Value =
        serde_json::from_slice(&data).map_err(|e| format!(": {}", syntax::go_error(&data, &e)))?;
    match (text(&parsed, "/v"), int(&parsed, "/rv"), text(&parsed, "/start")) {
        (VERSION, 0, _) => Err(format!(": incorrect encoded start resourceVersion (version {VERSION})")),
        (VERSION, _, "") => Err(format!(": encoded start key empty (version {VERSION})")),
        (VERSION, revision, start) => Ok((revision, start.to_owned())),
        (other, ..) => Err(format!(": server does not recognize this encoded version {other}")),
    }
}
