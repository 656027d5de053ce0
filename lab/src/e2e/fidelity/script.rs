//! How a case is written down: its requests, and the chances it draws from its seed.

use serde_json::{Value, json};

use super::request::Step;

/// A case: a name that tells its kind, and its requests. Everything namespaced happens in a namespace of its own.
#[derive(Debug)]
pub(super) struct Script {
    /// What it is about; deviations are listed by it.
    pub(super) about: String,
    /// Its namespace, and the prefix of its cluster-wide names.
    pub(super) space: String,
    pub(super) steps: Vec<Step>,
}

/// Media types of the four kinds of patch.
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";

impl Script {
    /// A case without a request yet.
    pub(super) fn new(space: String) -> Self {
        Self { about: String::new(), space, steps: Vec::new() }
    }

    /// Adds words to what it is about.
    pub(super) fn about(&mut self, words: &str) -> &mut Self {
        if !self.about.is_empty() {
            self.about.push(' ');
        }
        self.about.push_str(words);
        self
    }

    /// The path of a namespaced resource in the case's namespace: `pods/web`, `apps/v1 deployments/web`.
    pub(super) fn path(&self, resource: &str) -> String {
        let (group, rest) = resource.split_once(' ').unwrap_or(("", resource));
        let root = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}") };
        format!("{root}/namespaces/{}/{rest}", self.space)
    }

    /// Creates the namespace, with the service account that pods need.
    pub(super) fn namespace(&mut self) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.space}});
        self.post("/api/v1/namespaces", &namespace);
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        self.post(&self.path("serviceaccounts"), &account);
    }

    /// Adds a request; gives its number for references to its answer.
    pub(super) fn send(&mut self, method: &'static str, path: &str, body: Option<String>) -> usize {
        let headers =
            if body.is_some() { vec![("content-type", "application/json".to_owned())] } else { Vec::new() };
        self.steps.push(Step { method, path: path.to_owned(), headers, body, until: None });
        self.steps.len() - 1
    }

    /// Sets a header of the last request.
    pub(super) fn header(&mut self, name: &'static str, value: &str) -> &mut Self {
        if let Some(step) = self.steps.last_mut() {
            step.headers.retain(|(known, _)| *known != name);
            step.headers.push((name, value.to_owned()));
        }
        self
    }

    /// Repeats the last request until that status comes.
    pub(super) fn until(&mut self, status: u16) {
        if let Some(step) = self.steps.last_mut() {
            step.until = Some(status);
        }
    }

    /// Reads.
    pub(super) fn get(&mut self, path: &str) -> usize {
        self.send("GET", path, None)
    }

    /// Creates.
    pub(super) fn post(&mut self, path: &str, body: &Value) -> usize {
        self.send("POST", path, Some(body.to_string()))
    }

    /// Replaces.
    pub(super) fn put(&mut self, path: &str, body: &Value) -> usize {
        self.send("PUT", path, Some(body.to_string()))
    }

    /// Deletes, with options if there are any.
    pub(super) fn delete(&mut self, path: &str, options: &Value) -> usize {
        self.send("DELETE", path, (!options.is_null()).then(|| options.to_string()))
    }

    /// Patches with a media type.
    pub(super) fn patch(&mut self, kind: &str, path: &str, body: &Value) -> usize {
        let number = self.send("PATCH", path, Some(body.to_string()));
        self.header("content-type", kind);
        number
    }

    /// Applies as a field manager.
    pub(super) fn apply(&mut self, path: &str, manager: &str, body: &Value) -> usize {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.patch(APPLY, &format!("{path}{sign}fieldManager={manager}"), body)
    }
}

/// Chances drawn from a seed (SplitMix64): the same seed gives the same cases on every machine.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The chances of one case of a seed.
    pub(super) fn new(seed: u64, case: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ case.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// One of some things.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or_default()]
    }

    /// One of some values.
    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or_default()].clone()
    }

    /// Yes, once in `of` times.
    pub(super) fn once_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_everything_and_cases_differ() {
        let draw = |seed, case| {
            let mut chance = Chance::new(seed, case);
            [chance.below(1000), chance.below(1000), chance.below(1000)]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
