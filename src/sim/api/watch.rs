//! watch: events from a resource version on, as long as the client listens.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use hyper::body::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::sim::json::set;
use crate::sim::resource::ResourceId;
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::{Event, EventKind};
use crate::sim::value::{Value, json};
use crate::sim::world::{Shared, World};

use super::accept::table;
use super::read::{Filter, not_a_version, present};
use super::{Call, Form, Reply, Target, options};

/// How often a bookmark comes: about once a minute (`k8s.io/apiserver/pkg/storage/cacher`).
const BOOKMARKS: Duration = Duration::from_secs(55);

/// How long before its end a watch gets its last bookmark.
const BEFORE_END: Duration = Duration::from_secs(2);

struct Watcher {
    shared: Shared,
    signal: watch::Receiver<u64>,
    resource: ResourceId,
    version: String,
    form: Form,
    /// Whether the next table tells its columns: the first one does.
    with_columns: bool,
    filter: Filter,
    cursor: u64,
    /// Lines not sent yet.
    ready: VecDeque<Bytes>,
    bookmarks: bool,
    deadline: Option<Instant>,
    ended: bool,
}

/// Answers a watch.
///
/// # Errors
/// 400 for bad selectors or versions; a version that is no longer kept is told by an event.
pub(crate) fn answer(shared: &Shared, call: &Call, target: &Target) -> Answer<Reply> {
    let world = shared.lock();
    let filter = Filter::of(&world, call, target)?;
    options::check_list(call)?;
    // Where nothing else is said, a watch from no or any version begins with what is there
    // (`SetListOptionsDefaults`).
    let is_legacy = matches!(call.param("resourceVersion"), None | Some("0"));
    let initial = call.is_set("sendInitialEvents") || (is_legacy && !call.has("sendInitialEvents"));
    let from = match call.param("resourceVersion") {
        None | Some("0") => None,
        Some(_) if initial => None,
        Some(text) => Some(text.parse::<u64>().map_err(|_| Refusal::plain(not_a_version(text)))?),
    };
    let limit = call.param("timeoutSeconds").and_then(|s| s.parse().ok()).map(Duration::from_secs);
    let mut watcher = Watcher {
        shared: shared.clone(),
        signal: world.store.subscribe(),
        resource: target.resource,
        version: target.version.clone(),
        form: call.form,
        with_columns: true,
        cursor: from.unwrap_or(world.store.revision()),
        filter,
        ready: VecDeque::new(),
        bookmarks: call.is_set("allowWatchBookmarks"),
        deadline: limit.map(|l| Instant::now() + l),
        ended: false,
    };
    if from.is_none() {
        for object in watcher.filter.objects(&world, target) {
            let line = watcher.line(&world, "ADDED", &object);
            watcher.ready.push_back(line);
        }
        if initial && watcher.bookmarks {
            let line = watcher.bookmark(&world, true);
            watcher.ready.push_back(line);
        }
    } else if watcher.collect(&world).is_none() {
        watcher.end_too_old(&world);
    }
    drop(world);
    Ok(Reply::Stream(stream::unfold(watcher, Watcher::step).boxed()))
}

impl Watcher {
    /// The next line; `None` ends the stream.
    async fn step(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some((line, self));
            }
            if self.ended {
                return None;
            }
            self.refill();
            if self.ready.is_empty() && !self.ended && !self.wait().await {
                return None;
            }
        }
    }

    fn refill(&mut self) {
        self.signal.borrow_and_update();
        let shared = self.shared.clone();
        let world = shared.lock();
        if self.collect(&world).is_none() {
            self.end_too_old(&world);
        }
    }

    /// Ends with the word that events since the last one are no longer kept.
    fn end_too_old(&mut self, world: &World) {
        let message = format!("too old resource version: {} ({})", self.cursor, world.store.revision());
        let status = Refusal::expired(message).body;
        self.ready.push_back(to_line(&json!({"type": "ERROR", "object": status})));
        self.ended = true;
    }

    /// Waits for a write, a bookmark's time or the end; `false` at the end.
    async fn wait(&mut self) -> bool {
        let bookmark = self.next_bookmark(Instant::now());
        let until = self.deadline.map_or(bookmark, |d| d.min(bookmark));
        tokio::select! {
            changed = self.signal.changed() => changed.is_ok(),
            () = tokio::time::sleep_until(until) => {
                if self.deadline.is_some_and(|d| d <= Instant::now()) {
                    return false;
                }
                if self.bookmarks {
                    let line = self.bookmark(&self.shared.lock(), false);
                    self.ready.push_back(line);
                }
                true
            }
        }
    }

    /// Once a minute, and shortly before the end (`cacher/cache_watcher.go`, `nextBookmarkTime`).
    fn next_bookmark(&self, now: Instant) -> Instant {
        let regular = now + BOOKMARKS;
        match self.deadline.and_then(|d| d.checked_sub(BEFORE_END)) {
            Some(last) if last > now => regular.min(last),
            _ => regular,
        }
    }

    /// Takes new events over; `None` where they are no longer kept.
    fn collect(&mut self, world: &World) -> Option<()> {
        for event in world.store.events_after(self.resource, self.cursor)? {
            self.cursor = event.revision;
            if let Some((kind, object)) = self.seen_as(event) {
                let line = self.line(world, kind, &object);
                self.ready.push_back(line);
            }
        }
        self.cursor = self.cursor.max(world.store.revision());
        Some(())
    }

    /// A selector sees an object come and go as it begins and ceases to match; one that goes is shown as it was.
    fn seen_as(&self, event: Event) -> Option<(&'static str, Value)> {
        let before = event.before.filter(|o| self.filter.matches(o));
        let after = event.kind != EventKind::Deleted && self.filter.matches(&event.object);
        match (before, after) {
            (None, true) => Some(("ADDED", event.object)),
            (Some(_), true) => Some(("MODIFIED", event.object)),
            (Some(_), false) if event.kind == EventKind::Deleted => Some(("DELETED", event.object)),
            (Some(mut old), false) => {
                set(&mut old, "/metadata/resourceVersion", event.revision.to_string());
                Some(("DELETED", old))
            }
            (None, false) => None,
        }
    }

    fn line(&mut self, world: &World, kind: &str, object: &Value) -> Bytes {
        let info = world.registry.get(self.resource);
        let object = match self.form {
            Form::Table(include) => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let with_columns = std::mem::replace(&mut self.with_columns, false);
                let of = (&**info, self.version.as_str(), &world.clock);
                table(of, include, metadata, std::iter::once(object), with_columns)
            }
            form => present(info, &self.version, form, object),
        };
        to_line(&json!({"type": kind, "object": object}))
    }

    fn bookmark(&self, world: &World, ends_initial: bool) -> Bytes {
        let info = world.registry.get(self.resource);
        let (kind, version) = if self.form.is_bare() {
            ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
        } else {
            (info.kind.as_str(), info.api_version(&self.version))
        };
        let mut object = json!({
            "kind": kind, "apiVersion": version,
            "metadata": {"resourceVersion": world.store.revision().to_string()},
        });
        if ends_initial {
            set(&mut object, "/metadata/annotations/k8s.io~1initial-events-end", "true");
        }
        to_line(&json!({"type": "BOOKMARK", "object": object}))
    }
}

fn to_line(event: &Value) -> Bytes {
    let mut line = event.to_string().into_bytes();
    line.push(b'\n');
    line.into()
}
