//! `/sim/helm`: the door for the stand-in for helm (`examples/sim_helm.rs`); no real API server has it.

use crate::sim::helm;
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};
use crate::sim::world::{Shared, World};

use super::{Call, Reply};

/// Answers `releases`, `releases/NAMESPACE` and `releases/NAMESPACE/NAME`.
///
/// # Errors
/// 404 for other paths and releases that are not there; 422 with helm's message where helm fails.
pub(crate) fn answer(shared: &Shared, call: &Call, rest: &[String]) -> Answer<Reply> {
    let mut world = shared.lock();
    let segments: Vec<&str> = rest.iter().map(String::as_str).collect();
    let failed = |why: String| Refusal::new(422, "HelmFailed", why);
    let body: Value = match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["releases"]) => list(&world, ""),
        ("GET", ["releases", namespace]) => list(&world, namespace),
        ("GET", ["releases", namespace, name]) => {
            let not_found = || Refusal::new(404, "NotFound", "release: not found");
            world.release(namespace, name).ok_or_else(not_found)?.values
        }
        ("POST", ["releases"]) => world.helm_apply(&call.json()?).map_err(failed)?,
        ("POST", ["templates"]) => json!(helm::template(&call.json()?).map_err(failed)?),
        ("DELETE", ["releases", namespace, name]) => {
            world.helm_uninstall(namespace, name).map_err(failed)?;
            json!({})
        }
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(Reply::json(200, &body))
}

fn list(world: &World, namespace: &str) -> Value {
    world.releases(namespace).iter().map(helm::entry).collect()
}
