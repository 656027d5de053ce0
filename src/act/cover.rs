//! Which namespaces' disruption budgets a drain must read: a pod that none covered when they were read last is asked to go
//! without a look, as the API server decides in any case, and tells of a new budget by a refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::model::{Budget, Pod, Shared};
use crate::observe::Observer;

/// The budgets of each namespace that was read, as they were then.
#[derive(Debug, Default)]
pub struct Cover(Mutex<BTreeMap<Shared, Vec<Budget>>>);

impl Cover {
    /// The budgets of these pods' namespaces as they are now, but of none whose budgets cover none of them.
    pub(super) async fn read(&self, observer: &Observer, pods: &[&Pod]) -> Vec<Budget> {
        let namespaces: BTreeSet<Shared> =
            pods.iter().filter(|pod| self.may_cover(pod)).map(|pod| pod.namespace.clone()).collect();
        let now = observer.budgets_in(&namespaces).await;
        self.note(namespaces, &now);
        now
    }

    /// Forgets a namespace: it has other budgets by now.
    pub(super) fn forget(&self, namespace: &str) {
        self.with(|known| known.remove(namespace));
    }

    fn may_cover(&self, pod: &Pod) -> bool {
        self.with(|known| {
            known.get(&pod.namespace).is_none_or(|all| all.iter().any(|budget| budget.covers(pod)))
        })
    }

    fn note(&self, namespaces: BTreeSet<Shared>, budgets: &[Budget]) {
        self.with(|known| {
            for namespace in namespaces {
                let here = budgets.iter().filter(|budget| budget.namespace == namespace);
                known.insert(namespace.clone(), here.cloned().collect());
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<Shared, Vec<Budget>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixtures::{budget, pod};

    #[test]
    fn what_no_budget_covered_is_not_read_again_until_it_is_forgotten() {
        let cover = Cover::default();
        let (covered, free) = (pod("shop", "web-1", 0), pod("free", "web-1", 0));
        assert!(cover.may_cover(&covered) && cover.may_cover(&free), "nothing was read yet");
        let all = BTreeSet::from(["shop".into(), "free".into()]);
        cover.note(all, &[budget("shop", "web")]);
        assert!(cover.may_cover(&covered), "a budget has to be asked each time");
        assert!(!cover.may_cover(&free));
        cover.forget("free");
        assert!(cover.may_cover(&free), "another budget may be there by now");
    }
}
