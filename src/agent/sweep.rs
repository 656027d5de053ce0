//! The file sweeper: removes what the old CNI left in folders that no other pod of a node mounts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A kubelet keeps 4096 bytes of a termination message.
const MESSAGE: usize = 4000;

/// Removes (or lists) what the patterns name, and writes one line for each.
pub(super) fn run(patterns: &[PathBuf], list: bool, result: &Path) -> Result<()> {
    let mut lines = String::new();
    for pattern in patterns {
        for path in matches(pattern)? {
            if !list {
                remove(&path)?;
            }
            lines.push_str(&path.display().to_string());
            lines.push('\n');
        }
    }
    if lines.len() > MESSAGE {
        let count = lines.lines().count();
        lines = format!("{count} files\n");
    }
    fs::write(result, lines).map_err(|e| broken("write", result, &e))
}

/// What a pattern names: the path itself, or with a trailing `*` every entry of its folder that begins so.
fn matches(pattern: &Path) -> Result<Vec<PathBuf>> {
    let Some(prefix) = pattern.to_str().and_then(|p| p.strip_suffix('*')) else {
        return Ok(if pattern.symlink_metadata().is_ok() { vec![pattern.to_owned()] } else { Vec::new() });
    };
    let folder = Path::new(prefix).parent().unwrap_or(Path::new("/"));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(broken("read", folder, &e)),
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|p| p.starts_with(prefix)))
        .collect();
    found.sort();
    Ok(found)
}

fn remove(path: &Path) -> Result<()> {
    let is_folder = path.symlink_metadata().is_ok_and(|m| m.is_dir());
    let result = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(broken("remove", path, &e)),
    }
}

fn broken(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("could not {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_patterns_name_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["cbr0-a", "cbr0-b", "cilium-a", "flannel"] {
            fs::write(path(name), "").expect("a file");
        }
        fs::create_dir(path("networks")).expect("a folder");
        let patterns = [path("cbr0-*"), path("networks"), path("flannel"), path("absent"), path("no/such*")];
        run(&patterns, true, &path("out")).expect("a list");
        assert!(path("flannel").exists());
        run(&patterns, false, &path("out")).expect("a sweep");
        let left: Vec<_> = ["cbr0-a", "cbr0-b", "cilium-a", "flannel", "networks"]
            .into_iter()
            .filter(|name| path(name).exists())
            .collect();
        assert_eq!(left, ["cilium-a"]);
        let removed = fs::read_to_string(path("out")).expect("the list");
        assert_eq!(removed.lines().count(), 4);
        run(&patterns, false, &path("out")).expect("a second sweep finds nothing");
        assert_eq!(fs::read_to_string(path("out")).expect("the list"), "");
    }
}
