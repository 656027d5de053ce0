//! Requests against what a node can give (`noderesources/fit.go`, `component-helpers/resource`).

use std::collections::BTreeMap;

use crate::sim::json::{list, text};
use crate::sim::value::Value;

use super::load::Taken;
use super::reasons::Reason;

/// What a pod without requests counts for in the score (`util.DefaultMilliCPURequest`, `DefaultMemoryRequest`).
const DEFAULT_CPU: i64 = 100;
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024 * 1000;

/// Amounts by resource name, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    /// What nearly every pod asks for and every node gives has a place of its own: all nodes are compared by these for
    /// every pod.
    cpu: Option<i64>,
    memory: Option<i64>,
    pods: Option<i64>,
    others: BTreeMap<String, i64>,
}

impl Resources {
    /// What a pod requests: its containers and restarting init containers together, or its largest init container,
    /// and its overhead.
    pub(super) fn requested(pod: &Value) -> Self {
        let mut all = Self::default();
        for container in list(pod, "/spec/containers") {
            all.add(&Self::read(container.pointer("/resources/requests")));
        }
        let (mut beside, mut most) = (Self::default(), Self::default());
        for init in list(pod, "/spec/initContainers") {
            let mut now = Self::read(init.pointer("/resources/requests"));
            if text(init, "/restartPolicy") == "Always" {
                beside.add(&now);
                all.add(&now);
            } else {
                now.add(&beside);
                most.raise(&now);
            }
        }
        all.raise(&most);
        all.add(&Self::read(pod.pointer("/spec/overhead")));
        all
    }

    /// What a node can give.
    pub(super) fn allocatable(node: &Value) -> Self {
        Self::read(node.pointer("/status/allocatable"))
    }

    fn read(amounts: Option<&Value>) -> Self {
        let mut all = Self::default();
        for (name, amount) in amounts.and_then(Value::as_object).into_iter().flatten() {
            if let Some(amount) = thousandths(amount) {
                *all.place(name) = amount;
            }
        }
        all
    }

    /// Where the amount of a resource stands; 0 where it did not stand yet.
    fn place(&mut self, name: &str) -> &mut i64 {
        match name {
            "cpu" => self.cpu.get_or_insert(0),
            "memory" => self.memory.get_or_insert(0),
            "pods" => self.pods.get_or_insert(0),
            other => self.others.entry(other.to_owned()).or_default(),
        }
    }

    fn all(&self) -> impl Iterator<Item = (&str, i64)> {
        let first = [("cpu", self.cpu), ("memory", self.memory), ("pods", self.pods)];
        let first = first.into_iter().filter_map(|(name, amount)| Some((name, amount?)));
        first.chain(self.others.iter().map(|(name, amount)| (name.as_str(), *amount)))
    }

    /// Adds amounts.
    pub(super) fn add(&mut self, other: &Self) {
        other.all().for_each(|(name, amount)| *self.place(name) += amount);
    }

    /// Takes amounts away.
    pub(super) fn subtract(&mut self, other: &Self) {
        other.all().for_each(|(name, amount)| *self.place(name) -= amount);
    }

    fn raise(&mut self, other: &Self) {
        for (name, amount) in other.all() {
            let here = self.place(name);
            *here = (*here).max(amount);
        }
    }

    fn get(&self, name: &str) -> i64 {
        let amount = match name {
            "cpu" => self.cpu,
            "memory" => self.memory,
            "pods" => self.pods,
            other => self.others.get(other).copied(),
        };
        amount.unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// With what a pod counts for that requests nothing.
    pub(super) fn for_score(&self) -> Self {
        let (cpu, memory) = (self.cpu.unwrap_or(DEFAULT_CPU), self.memory.unwrap_or(DEFAULT_MEMORY));
        Self { cpu: Some(cpu), memory: Some(memory), ..Self::default() }
    }

    /// What lacks for one more pod on a node that can give this.
    pub(super) fn short(&self, taken: &Taken, wanted: &Self) -> Vec<Reason> {
        if self.is_empty() {
            return Vec::new();
        }
        let is_full = i64::try_from(taken.pods).unwrap_or(i64::MAX) >= self.pods.map_or(110, |p| p / 1000);
        if !is_full && self.has_room_for(&taken.requests, wanted) {
            return Vec::new();
        }
        let mut reasons = Vec::new();
        if is_full {
            reasons.push(Reason::passing("Too many pods"));
        }
        for (name, need) in wanted.all().filter(|(_, need)| *need > 0) {
            if self.get(name) - taken.requests.get(name) < need {
                reasons.push(if need > self.get(name) {
                    Reason::fixed(&format!("Insufficient {name}"))
                } else {
                    Reason::passing(&format!("Insufficient {name}"))
                });
            }
        }
        reasons
    }

    /// Whether so much is left, of one who asks for processors and memory only; most do.
    fn has_room_for(&self, taken: &Self, wanted: &Self) -> bool {
        let fits = |all: Option<i64>, taken: Option<i64>, need: Option<i64>| {
            need.is_none_or(|need| need <= 0 || all.unwrap_or_default() - taken.unwrap_or_default() >= need)
        };
        wanted.others.is_empty()
            && wanted.pods.is_none()
            && fits(self.cpu, taken.cpu, wanted.cpu)
            && fits(self.memory, taken.memory, wanted.memory)
    }

    /// How much would be free, in percent, as `leastResourceScorer` counts it.
    pub(super) fn free_share(&self, taken: &Taken, wanted: &Self) -> u64 {
        let wanted = wanted.for_score();
        let share = |of: fn(&Self) -> Option<i64>| {
            let amount = |resources| of(resources).unwrap_or_default();
            let (all, used) = (amount(self), amount(&taken.counted) + amount(&wanted));
            if all <= 0 || used >= all { 0 } else { (all - used).saturating_mul(100) / all }
        };
        u64::try_from(i64::midpoint(share(|r| r.cpu), share(|r| r.memory))).unwrap_or_default()
    }
}

/// A quantity in thousandths (`k8s.io/apimachinery/pkg/api/resource`); `None` where it is none.
fn thousandths(amount: &Value) -> Option<i64> {
    const UNITS: [(&str, i64); 13] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("m", 0),
        ("e3", 1_000),
        ("", 1),
    ];
    let text = match amount {
        Value::String(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = whole.parse().ok()?;
    if factor == 0 {
        return Some(whole);
    }
    let part: i64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    Some(whole.saturating_mul(1000).saturating_add(part).saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::json;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in [
            ("100m", Some(100)),
            ("2", Some(2000)),
            ("1.5", Some(1500)),
            ("128Mi", Some(128 * 1024 * 1024 * 1000)),
            ("1.5Gi", Some(1536 * 1024 * 1024 * 1000)),
            ("3k", Some(3_000_000)),
            ("nonsense", None),
        ] {
            assert_eq!(thousandths(&json!(text)), expected, "{text}");
        }
        assert_eq!(thousandths(&json!(4)), Some(4000));
    }

    #[test]
    fn init_containers_count_by_their_largest() {
        let cpu = |n: &str| json!({"resources": {"requests": {"cpu": n}}});
        let mut sidecar = cpu("200m");
        sidecar["restartPolicy"] = json!("Always");
        let pod = json!({"spec": {"containers": [cpu("100m"), cpu("100m")], "initContainers": [sidecar, cpu("1")]}});
        assert_eq!(Resources::requested(&pod).get("cpu"), 1200);
    }
}
