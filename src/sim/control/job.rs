//! Job: pods until enough have succeeded.

use std::time::Duration;

use crate::sim::json::{flag, int, is_condition_true, is_deleting, is_ready, name, set_condition, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::pods;

pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    pods::keys_of(world, change, id::JOBS)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let job = world.store.get(key).cloned().filter(|j| !is_deleting(j))?;
    // Its pods may be gone by then.
    if ["Complete", "Failed"].iter().any(|kind| is_condition_true(&job, kind)) || flag(&job, "/spec/suspend")
    {
        return None;
    }
    let all = pods::owned(world, &job);
    let count = |phase: &str| all.iter().filter(|(_, p)| text(p, "/status/phase") == phase).count();
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    let active = all.iter().filter(|(_, p)| pods::is_active(p)).count();
    let ready = all.iter().filter(|(_, p)| pods::is_active(p) && is_ready(p)).count();
    let number = |pointer: &str| usize::try_from(int(&job, pointer)).unwrap_or_default();
    let (completions, limit) = (number("/spec/completions"), number("/spec/backoffLimit"));
    let is_complete = succeeded >= completions;
    let has_failed = failed > limit;
    if !is_complete && !has_failed {
        let wanted = number("/spec/parallelism").min(completions - succeeded);
        for _ in active..wanted.max(active) {
            let pod = pods::from_template(
                &job,
                &format!("{}-", name(&job)),
                ("batch.kubernetes.io/job-name", name(&job)),
            );
            pods::create(world, pod);
        }
    }
    let now = world.clock.now();
    let numbers = [("active", active), ("ready", ready), ("succeeded", succeeded), ("failed", failed)];
    world.modify(key, |job: &mut Value| {
        pods::set_numbers(job, &numbers);
        if is_complete {
            set_condition(job, "Complete", "True", "CompletionsReached", "", &now);
        } else if has_failed {
            set_condition(job, "Failed", "True", "BackoffLimitExceeded", "", &now);
        }
    });
    None
}
