//! One writer at a time: the holder of the Lease, while its renewals last on the cluster's clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::sim::json::{int, text};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::{Rule, Seen};

/// The tool's Lease.
const LEASE: (&str, &str) = ("kube-system", "cni-migrate");

/// Who holds the Lease.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    caller: String,
    identity: String,
    until: Instant,
}

pub(super) fn judge(world: &mut World, seen: &Seen, broken: &mut Vec<(Rule, String)>) {
    let mut tell = |what: String| broken.push((Rule::SingleWriter, what));
    if is_lease(seen) {
        if let Some(what) = take(world, seen) {
            tell(what);
        }
        return;
    }
    match &world.guard.holder {
        None => tell(format!("{}: nobody holds the Lease", seen.summary())),
        Some(holder) if holder.caller != seen.write.caller => {
            tell(format!("{}: {} holds the Lease as {}", seen.summary(), holder.caller, holder.identity));
        }
        Some(holder) if holder.until < Instant::now() => {
            tell(format!("{}: the Lease of {} has run out", seen.summary(), holder.identity));
        }
        Some(_) => {}
    }
}

fn is_lease(seen: &Seen) -> bool {
    let key = &seen.write.key;
    seen.write.resource == "leases" && (&*key.namespace, &*key.name) == LEASE
}

fn lease(world: &World) -> Option<&Value> {
    let leases = world.registry.find("coordination.k8s.io", "leases")?;
    world.object(leases, LEASE.0, LEASE.1)
}

/// Notes the holder; gives what is wrong with the way it came to the Lease.
fn take(world: &mut World, seen: &Seen) -> Option<String> {
    let lease = lease(world).cloned().unwrap_or_default();
    let identity = text(&lease, "/spec/holderIdentity").to_owned();
    let lasts = u64::try_from(int(&lease, "/spec/leaseDurationSeconds")).unwrap_or_default();
    let now = Instant::now();
    let before = world.guard.holder.take();
    if identity.is_empty() {
        return None;
    }
    let until = now + Duration::from_secs(lasts);
    world.guard.holder =
        Some(Holder { caller: seen.write.caller.clone(), identity: identity.clone(), until });
    let robbed = before.filter(|b| b.identity != identity && b.until >= now)?;
    Some(format!("{identity} took the Lease while {} renewed it", robbed.identity))
}
