//! The log of requests: what a test asserts counts, order and bodies on.

use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// One request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query as sent.
    pub query: String,
    /// `Accept`.
    pub accept: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// The verb of authorization: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Resource, with the subresource after a slash; empty for other paths.
    pub resource: String,
    /// Namespace; empty for cluster scope.
    pub namespace: String,
    /// Object name; empty for collections.
    pub name: String,
    /// Body as sent.
    pub body: Vec<u8>,
    /// Of a write to a pod: the pod's node, and its controller as `Kind/name`; empty where there is none.
    pub pod: (String, String),
    /// HTTP status; `None` while the call is under way.
    pub status: Option<u16>,
}

impl Entry {
    /// SHA-256 of the body in hexadecimal digits.
    pub fn digest(&self) -> String {
        super::clock::hex(&Sha256::digest(&self.body))
    }

    /// Whether the call writes to the cluster; reviews and dry runs do not.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
            && !self.resource.starts_with("selfsubject")
            && !self.resource.ends_with("/exec")
            && !self.query.contains("dryRun=All")
    }

    /// `verb resource namespace/name`, for order assertions.
    pub fn summary(&self) -> String {
        match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => format!("{} {}", self.verb, self.resource),
            ("", name) => format!("{} {} {name}", self.verb, self.resource),
            (namespace, name) => format!("{} {} {namespace}/{name}", self.verb, self.resource),
        }
    }
}

/// All requests in the order of arrival.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    /// How many entries were forgotten: numbers of calls under way stay good.
    forgotten: usize,
    /// Whether arrivals are noted at all.
    is_kept: bool,
    signal: watch::Sender<usize>,
}

impl Log {
    /// An empty log.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), forgotten: 0, is_kept: true, signal: watch::Sender::new(0) }
    }

    /// Notes nothing from now on: a long story's requests and bodies are more than its cluster.
    pub(crate) fn stop(&mut self) {
        self.clear();
        self.is_kept = false;
    }

    /// Whether arrivals are noted.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Notes an arrival, or that there was one; the number is for [`Log::finish`].
    pub(crate) fn start(&mut self, entry: Option<Entry>) -> usize {
        match entry {
            Some(entry) => {
                self.entries.push(entry);
                self.touch();
            }
            None => self.forgotten += 1,
        }
        (self.forgotten + self.entries.len()).saturating_sub(1)
    }

    /// Notes the status of an answer.
    pub(crate) fn finish(&mut self, number: usize, status: u16) {
        if let Some(entry) = number.checked_sub(self.forgotten).and_then(|at| self.entries.get_mut(at)) {
            entry.status = Some(status);
            self.touch();
        }
    }

    fn touch(&self) {
        self.signal.send_modify(|n| *n += 1);
    }

    /// All entries.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Forgets all entries; calls under way are noted no more.
    pub(crate) fn clear(&mut self) {
        self.forgotten += self.entries.len();
        self.entries.clear();
    }

    /// Tells of arrivals and answers.
    pub(crate) fn subscribe(&self) -> watch::Receiver<usize> {
        self.signal.subscribe()
    }
}
