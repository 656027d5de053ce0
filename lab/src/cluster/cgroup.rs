//! Control groups: how the lab knows which processes are its own, and where nodes put their pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Context, Error};
use crate::process;
use crate::setup::requirements::CGROUP_V1;

const ROOT: &str = "/sys/fs/cgroup";
/// The hierarchy in which every process of a cluster has its group, so that none is ever lost.
const TRACKING: &str = "pids";
/// The hierarchy without a controller that runc also uses.
const NAMED: &str = "systemd";
/// The hierarchy that divides the processors.
const CPU: &str = "cpu";
/// Weight of a whole cluster against 1024 for any other thread of the machine, such as a compiler's: pods that wait for
/// a processor look like a network that loses packets.
const SHARES: &str = "65536";
/// Killed processes leave their groups within moments; a busy machine may take longer.
const EMPTY_DEADLINE: Duration = Duration::from_secs(30);

/// A control group by its path below the root of each hierarchy, e.g. `lab-x/etcd`.
#[derive(Debug, Clone)]
pub(crate) struct Group(String);

impl Group {
    /// The group of that path.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Makes the group and moves the calling thread into it, so that it is tracked and gets its share of the
    /// processors; children inherit it.
    pub(crate) fn enter(&self) -> Result<(), Error> {
        for hierarchy in [TRACKING, CPU] {
            let tasks = self.create_in(hierarchy)?.join("tasks");
            fs::write(&tasks, "0").at("enter", &tasks)?;
        }
        Ok(())
    }

    /// Makes the group in every hierarchy, as the kubelet demands of its `cgroupRoot`.
    pub(crate) fn create_everywhere(&self) -> Result<(), Error> {
        CGROUP_V1.iter().chain([&NAMED]).try_for_each(|hierarchy| self.create_in(hierarchy).map(drop))
    }

    fn create_in(&self, hierarchy: &str) -> Result<PathBuf, Error> {
        let mut folder = Path::new(ROOT).join(hierarchy);
        for (depth, part) in self.0.split('/').enumerate() {
            let parent = folder.clone();
            folder.push(part);
            fs::create_dir_all(&folder).at("create", &folder)?;
            match hierarchy {
                "cpuset" => copy_cpuset(&parent, &folder)?,
                CPU if depth == 0 => fs::write(folder.join("cpu.shares"), SHARES).at("weight", &folder)?,
                _ => {}
            }
        }
        Ok(folder)
    }

    /// The processes in this group and below it, as the tracking hierarchy sees them.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let mut found = Vec::new();
        for folder in tree(&Path::new(ROOT).join(TRACKING).join(&self.0)) {
            let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)));
        }
        found
    }

    /// Kills every process, again and again until none is left: some may be starting others meanwhile.
    pub(crate) fn kill(&self) -> Result<(), Error> {
        process::wait_until(EMPTY_DEADLINE, "look at their state with `ps`", || {
            let processes = self.processes();
            for process in &processes {
                let _ = kill_process(*process, Signal::KILL);
            }
            if processes.is_empty() { Ok(()) } else { Err(format!("{} still holds {processes:?}", self.0)) }
        })
    }

    /// Removes the group with all groups below it from every hierarchy.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        process::wait_until(EMPTY_DEADLINE, "a process in it must end first", || {
            for hierarchy in hierarchies() {
                // A parent can go only after its children, hence the reversed order.
                for folder in tree(&hierarchy.join(&self.0)).iter().rev() {
                    fs::remove_dir(folder)
                        .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
                }
            }
            Ok(())
        })
    }
}

/// A new cpuset is empty, and no process may enter an empty one.
fn copy_cpuset(parent: &Path, child: &Path) -> Result<(), Error> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let value = fs::read_to_string(parent.join(file)).at("read", parent)?;
        fs::write(child.join(file), value.trim()).at("write", child)?;
    }
    Ok(())
}

fn hierarchies() -> Vec<PathBuf> {
    let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A folder and all folders below it, parents first; empty if it does not exist.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = vec![folder.to_owned()];
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.extend(tree(&entry.path()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/file"), "").unwrap();
        let found = tree(root.path());
        assert_eq!(found, [root.path().to_owned(), root.path().join("a"), root.path().join("a/b")]);
    }

    #[test]
    fn a_group_that_does_not_exist_holds_nothing() {
        assert!(Group::new("lab-of-no-one/etcd").processes().is_empty());
    }
}
