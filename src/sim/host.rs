//! What lies under a Node object, for tests to look at and to change: files, links and routes.

use super::cluster::Sim;

impl Sim {
    /// Paths of a node's files below a folder.
    pub fn files(&self, node: &str, folder: &str) -> Vec<String> {
        let world = self.shared.lock();
        let files = world.machines.get(node).into_iter().flat_map(|m| m.files.keys());
        files.filter(|p| p.starts_with(folder)).cloned().collect()
    }

    /// Puts a file on a node, for what a test wants to be left there.
    pub fn put_file(&self, node: &str, path: &str, content: &str) {
        let mut world = self.shared.lock();
        if let Some(machine) = world.machines.get_mut(node) {
            machine.files.insert(path.to_owned(), content.to_owned());
        }
        world.after_exec(node);
    }

    /// Names of a node's links.
    pub fn links(&self, node: &str) -> Vec<String> {
        self.shared.lock().machines.get(node).map(|m| m.links.keys().cloned().collect()).unwrap_or_default()
    }

    /// Routes that somebody added to a node, as `DST via GATEWAY`.
    pub fn routes(&self, node: &str) -> Vec<String> {
        let shared = self.shared.lock();
        let routes = shared.machines.get(node).into_iter().flat_map(|machine| &machine.routes);
        routes.map(|(dst, gateway)| format!("{dst} via {gateway}")).collect()
    }

    /// Adds a route to a node as an administrator would, in place of one to the same destination.
    pub fn add_route(&self, node: &str, dst: &str, gateway: &str) {
        if let Some(machine) = self.shared.lock().machines.get_mut(node) {
            machine.routes.insert(dst.to_owned(), gateway.to_owned());
        }
    }
}
