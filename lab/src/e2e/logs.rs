//! What is kept of a scenario that failed.

use std::{fs, path::Path};

use super::world::World;
use crate::{
    error::{Context as _, Error},
    meter::record::RECORDS,
};

/// What is asked of the API, by the name of the file that the answer goes to.
const QUESTIONS: [(&str, &[&str]); 5] = [
    ("objects.yaml", &["get", "all,configmaps,pdb,endpointslices", "-A", "-o", "yaml"]),
    ("nodes.yaml", &["get", "nodes", "-o", "yaml"]),
    ("cilium.yaml", &["get", "ciliumnodes,ciliumendpoints,ciliumnodeconfigs", "-A", "-o", "yaml"]),
    ("pods.txt", &["get", "pods", "-A", "-o", "wide"]),
    ("events.txt", &["get", "events", "-A", "--sort-by=.lastTimestamp"]),
];

/// Where a node keeps the logs of its pods.
const POD_LOGS: &str = "/var/log/pods";

impl World {
    /// Copies the logs of all components and pods, the meter's records and what the API shows into the scenario's
    /// folder, beside what the tool said. What cannot be had is noted and passed over: the rest is still of use.
    pub(crate) fn collect_logs(&self) {
        for (name, question) in QUESTIONS {
            let answer = self.kubectl(question).unwrap_or_else(|error| error.to_string());
            self.note(fs::write(self.folder.join(name), answer).at("write", &self.folder.join(name)));
        }
        self.note(copy(self.cluster.logs_dir(), &self.folder.join("components")));
        for node in self.node_names() {
            self.note(copy(&self.node_file(&node, RECORDS), &self.folder.join("meter").join(&node)));
            self.note(copy(&self.node_file(&node, POD_LOGS), &self.folder.join("pods").join(&node)));
        }
    }

    fn note(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.progress(&format!("left out of the logs: {error}"));
        }
    }
}

/// Copies the files below a folder; links, which pods' logs have to rotated ones, are not followed.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(from).at("list", from)? {
        let entry = entry.at("list", from)?;
        let (kind, target) = (entry.file_type().at("look at", &entry.path())?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).at("copy", &entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_copied_with_all_below() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("n1")).unwrap();
        fs::write(from.path().join("n1/kubelet.log"), "text").unwrap();
        copy(from.path(), &to.path().join("logs")).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("logs/n1/kubelet.log")).unwrap(), "text");
    }
}
