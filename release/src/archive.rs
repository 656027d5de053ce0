//! Archives that are the same bytes whoever packs them: no times, no owners, a fixed order.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use crate::error::{Context as _, Error};

/// One file of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    name: String,
    from: PathBuf,
    executable: bool,
}

impl Entry {
    /// The file at `from` under the name `name`.
    pub(crate) fn new(name: impl Into<String>, from: impl Into<PathBuf>, executable: bool) -> Self {
        Self { name: name.into(), from: from.into(), executable }
    }
}

/// The bytes of a `.tar.gz` of the entries.
///
/// # Errors
/// Where a file cannot be read.
pub(crate) fn write(entries: &[Entry]) -> Result<Vec<u8>, Error> {
    // Neither a time nor a file name goes into gzip's header, and its operating system is "unknown".
    let gzip = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let content = fs::read(&entry.from).at("read", &entry.from)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if entry.executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        tar.append_data(&mut header, &entry.name, content.as_slice()).at("pack", &entry.from)?;
    }
    let archive = Path::new("the archive");
    tar.into_inner().at("finish", archive)?.finish().at("finish", archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_depends_on_names_modes_and_contents_alone() {
        let folder = tempfile::tempdir().unwrap();
        let pack = |file: &str, executable| {
            let path = folder.path().join(file);
            fs::write(&path, "content").unwrap();
            write(&[Entry::new("bin/tool", path, executable)]).unwrap()
        };
        assert_eq!(pack("a", true), pack("b", true));
        assert_ne!(pack("a", true), pack("a", false));
        assert!(write(&[Entry::new("x", folder.path().join("absent"), false)]).is_err());
    }
}
