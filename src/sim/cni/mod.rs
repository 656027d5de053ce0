//! The CNIs: who gives a new pod its address, and what each leaves on a node.

pub(crate) mod agent;
pub(crate) mod chart;
mod definitions;
pub(crate) mod flannel;
pub(crate) mod operator;

use crate::sim::json::text;
use crate::sim::node::{CNI_DIR, Machine};
use crate::sim::store::Key;
use crate::sim::value::Value;
use crate::sim::world::World;

/// Connects a pod with what stands first in the CNI folder of its node, and gives its address.
///
/// # Errors
/// The message of the container runtime or of the plugin.
pub(crate) fn attach(world: &mut World, key: &Key, pod: &Value, node: &str) -> Result<String, String> {
    let machine = world.machines.get(node).ok_or("no such node")?;
    let conf = machine.cni().ok_or("no networks found in /etc/cni/net.d: cni plugin not initialized")?;
    let plugin = text(&conf, "/plugins/0/type");
    match if plugin.is_empty() { text(&conf, "/type") } else { plugin } {
        "flannel" => flannel::attach(world, key, node),
        "cilium-cni" => agent::attach(world, key, pod, node),
        other => Err(format!(
            "plugin type=\"{other}\" failed (add): failed to find plugin \"{other}\" in path [/opt/cni/bin]"
        )),
    }
}

/// Removes files of a node as this tool's sweeper does, and gives its message: one line for each.
pub(crate) fn sweep(world: &mut World, node: &str, patterns: &[String], only_list: bool) -> String {
    let Some(machine) = world.machines.get_mut(node) else { return String::new() };
    let hit = |path: &str| {
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == pattern || path.starts_with(&format!("{pattern}/")),
        })
    };
    let found: Vec<String> = machine.files.keys().filter(|p| hit(p)).cloned().collect();
    if !only_list {
        machine.files.retain(|path, _| !found.contains(path));
        world.after_exec(node);
    }
    found.iter().flat_map(|path| [path, "\n"]).collect()
}

/// Puts a file into the CNI folder of a node.
fn write_conf(machine: &mut Machine, name: &str, content: &str) {
    machine.files.insert(format!("{CNI_DIR}/{name}"), content.to_owned());
}
