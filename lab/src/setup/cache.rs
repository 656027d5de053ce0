//! The cache of `lab setup`: one folder per artefact, named after a hash of everything it is made from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Context, Error};
use crate::ui::Ui;

/// Hash over the inputs of an artefact: sources, flags and the version of its recipe.
pub(crate) struct Inputs(Sha256);

impl Inputs {
    /// Starts with the version of the recipe, which is raised when the code that builds changes its result.
    pub(crate) fn recipe(version: u32) -> Self {
        Self(Sha256::new()).text(&version.to_string())
    }

    /// Adds a text; its length goes in first, so that two texts cannot be read as one.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
        self
    }

    /// Adds every file below a folder with its relative name, in the order of the names.
    pub(crate) fn folder(mut self, folder: &Path) -> Result<Self, Error> {
        for entry in sorted(folder)? {
            self = self.text(&entry.file_name().unwrap_or_default().to_string_lossy());
            self = if entry.is_dir() {
                self.folder(&entry)?
            } else {
                self.text(&fs::read_to_string(&entry).at("read", &entry)?)
            };
        }
        Ok(self)
    }

    /// The first 64 bits as hexadecimal digits: enough to tell recipes apart, short enough for a path.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize()[..8])
    }
}

/// Fills an empty folder.
pub(crate) type Build = Box<dyn Fn(&Path) -> Result<(), Error>>;

/// Something that `lab setup` makes once and everything else only reads.
pub(crate) struct Artefact {
    /// What it is, e.g. `go-etcd`: the first half of the folder's name.
    pub(crate) kind: String,
    /// The hash of its inputs: the second half.
    pub(crate) hash: String,
    /// Makes the content in an empty folder.
    pub(crate) build: Build,
}

/// `$XDG_CACHE_HOME` or `~/.cache`, then `kubectl-cni-migrate/lab`.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Finds the user's cache folder and makes the lab's own in it.
    pub(crate) fn open() -> Result<Self, Error> {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base =
            folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache"))).ok_or_else(|| {
                Error::Missing {
                    what: "a cache folder".to_owned(),
                    remedy: "set HOME or XDG_CACHE_HOME".to_owned(),
                }
            })?;
        let root = base.join("kubectl-cni-migrate/lab");
        fs::create_dir_all(&root).at("create", &root)?;
        Ok(Self { root })
    }

    /// Keeps a second `lab setup` waiting until the returned file is closed.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let path = self.root.join("lock");
        let file = File::create(&path).at("create", &path)?;
        file.lock().at("lock", &path)?;
        Ok(file)
    }

    /// Where an artefact is or will be.
    pub(crate) fn folder(&self, artefact: &Artefact) -> PathBuf {
        self.root.join(format!("{}-{}", artefact.kind, artefact.hash))
    }

    /// Builds the artefact unless it is there: in a temporary folder that is renamed into place, so that a killed
    /// run leaves nothing that looks complete.
    pub(crate) fn ensure(&self, artefact: &Artefact, ui: &Ui) -> Result<(), Error> {
        let folder = self.folder(artefact);
        if folder.is_dir() {
            return Ok(());
        }
        let unfinished = self.root.join(format!("{}.tmp", artefact.kind));
        remove_tree(&unfinished)?;
        fs::create_dir_all(&unfinished).at("create", &unfinished)?;
        ui.step(&format!("build {}", artefact.kind), || (artefact.build)(&unfinished))?;
        fs::rename(&unfinished, &folder).at("rename into place", &folder)
    }
}

/// Removes a folder with all it holds; one that is not there is fine.
pub(crate) fn remove_tree(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("remove", folder),
        _ => Ok(()),
    }
}

/// The entries of a folder in the order of their names: reading order differs from machine to machine.
pub(crate) fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).at("read", folder)?.collect();
    let mut paths: Vec<PathBuf> = entries.at("read", folder)?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(root: &Path) -> Cache {
        Cache { root: root.to_owned() }
    }

    fn artefact(build: impl Fn(&Path) -> Result<(), Error> + 'static) -> Artefact {
        Artefact { kind: "thing".into(), hash: "0123".into(), build: Box::new(build) }
    }

    #[test]
    fn inputs_differ_by_content_order_and_borders() {
        let hash =
            |texts: &[&str]| texts.iter().fold(Inputs::recipe(1), |inputs, text| inputs.text(text)).finish();
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["ab", ""]), hash(&["a", "b"]));
        assert_ne!(Inputs::recipe(1).finish(), Inputs::recipe(2).finish());
        assert_eq!(hash(&[]).len(), 16);
    }

    #[test]
    fn a_folder_counts_with_the_names_and_contents_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/go.mod"), "module a").unwrap();
        let hash = || Inputs::recipe(1).folder(folder.path()).unwrap().finish();
        let before = hash();
        assert_eq!(before, hash());
        fs::write(folder.path().join("sub/go.mod"), "module b").unwrap();
        assert_ne!(before, hash());
    }

    #[test]
    fn an_artefact_is_built_once() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        let ui = Ui::new();
        let first = artefact(|out| fs::write(out.join("file"), "content").at("write", out));
        cache.ensure(&first, &ui).unwrap();
        let second = artefact(|_| Err(Error::Invalid("built twice".into())));
        cache.ensure(&second, &ui).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("thing-0123/file")).unwrap(), "content");
    }

    #[test]
    fn a_failed_build_leaves_nothing_that_looks_complete() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        let broken = artefact(|_| Err(Error::Invalid("no".into())));
        cache.ensure(&broken, &Ui::new()).unwrap_err();
        assert!(!cache.folder(&broken).exists());
    }
}
