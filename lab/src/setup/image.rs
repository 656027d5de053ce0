//! Container images without a container engine: an OCI layout archive with the shared base layer and one layer of
//! own files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cache::{hex, sorted};
use super::rootfs::BaseLayer;
use crate::error::{Context, Error};

const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What goes into an image above the base layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    /// Full reference, e.g. `docker.io/lab/coredns:1.13.2`.
    pub(crate) reference: String,
    /// Host file or folder, and its path in the image.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Symbolic links: path in the image, and what it points to.
    pub(crate) links: Vec<(String, String)>,
    /// The program and arguments that a container starts by default.
    pub(crate) entrypoint: Vec<String>,
}

/// Whether the archive carries the base layer itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Yes: for the first image of an empty store.
    Inside,
    /// No: every node has it already, and it is most of the size.
    Known,
}

impl Image {
    /// Writes the archive; the same files give the same bytes.
    pub(crate) fn write(&self, base_layer: &BaseLayer, base: Base, archive: &Path) -> Result<(), Error> {
        let own = archive.with_extension("layer");
        let (digest, size) = self.write_layer(&own)?;
        let layers = [(base_layer.digest.as_str(), base_layer.size), (digest.as_str(), size)];
        let config = config(&layers, &self.entrypoint);
        let manifest = manifest(&config, &layers);
        let index = index(&manifest, &self.reference);

        let mut tar = tar::Builder::new(File::create(archive).at("create", archive)?);
        let mut write = || -> io::Result<()> {
            append_bytes(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
            append_bytes(&mut tar, "index.json", &index)?;
            append_bytes(&mut tar, &blob(&sha256(&manifest)), &manifest)?;
            append_bytes(&mut tar, &blob(&sha256(&config)), &config)?;
            if base == Base::Inside {
                append_file(&mut tar, &blob(&base_layer.digest), &base_layer.tar)?;
            }
            append_file(&mut tar, &blob(&digest), &own)?;
            tar.finish()
        };
        write().at("write", archive)?;
        fs::remove_file(&own).at("remove", &own)
    }

    /// Writes the layer of own files and returns its digest and length.
    fn write_layer(&self, path: &Path) -> Result<(String, u64), Error> {
        let file = File::create(path).at("create", path)?;
        let mut tar = tar::Builder::new(Hashing { inner: file, hash: Sha256::new(), size: 0 });
        for (source, target) in &self.files {
            append_tree(&mut tar, source, target)?;
        }
        for (link, target) in &self.links {
            let mut header = header(tar::EntryType::Symlink, 0, 0o777);
            tar.append_link(&mut header, inside(link), target).at("write", path)?;
        }
        let done = tar.into_inner().at("write", path)?;
        Ok((hex(&done.hash.finalize()), done.size))
    }
}

/// Hashes and counts what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn append_tree<W: Write>(tar: &mut tar::Builder<W>, source: &Path, target: &str) -> Result<(), Error> {
    if source.is_dir() {
        for entry in sorted(source)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            append_tree(tar, &entry, &format!("{target}/{name}"))?;
        }
        return Ok(());
    }
    append_file(tar, inside(target), source).at("pack", source)
}

fn append_file<W: Write>(tar: &mut tar::Builder<W>, name: &str, source: &Path) -> io::Result<()> {
    let file = File::open(source)?;
    let metadata = file.metadata()?;
    // Archives of Go modules drop the executable bit of scripts, and programs carry the umask of whoever built them.
    let executable =
        metadata.permissions().mode() & 0o111 != 0 || source.extension().is_some_and(|found| found == "sh");
    let mode = if executable { 0o755 } else { 0o644 };
    tar.append_data(&mut header(tar::EntryType::Regular, metadata.len(), mode), name, file)
}

fn append_bytes<W: Write>(tar: &mut tar::Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(tar::EntryType::Regular, bytes.len() as u64, 0o644), name, bytes)
}

fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Names in a layer have no leading slash.
fn inside(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn blob(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn config(layers: &[(&str, u64)], entrypoint: &[String]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|(digest, _)| format!("sha256:{digest}")).collect();
    let config = json!({ "Env": [PATH], "Entrypoint": entrypoint });
    let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
    json!({ "architecture": architecture(), "os": "linux", "config": config, "rootfs": rootfs })
        .to_string()
        .into_bytes()
}

fn manifest(config: &[u8], layers: &[(&str, u64)]) -> Vec<u8> {
    let layers: Vec<Value> =
        layers.iter().map(|(digest, size)| descriptor(LAYER_TYPE, digest, *size)).collect();
    let config = descriptor(CONFIG_TYPE, &sha256(config), config.len() as u64);
    json!({ "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers })
        .to_string()
        .into_bytes()
}

/// containerd takes the image's name from the annotation `io.containerd.image.name` (its `images/annotations.go`).
fn index(manifest: &[u8], reference: &str) -> Vec<u8> {
    let mut entry = descriptor(MANIFEST_TYPE, &sha256(manifest), manifest.len() as u64);
    entry["annotations"] = json!({ "io.containerd.image.name": reference });
    entry["platform"] = json!({ "architecture": architecture(), "os": "linux" });
    json!({ "schemaVersion": 2, "manifests": [entry] }).to_string().into_bytes()
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read as _;

    fn written(base: Base) -> BTreeMap<String, Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let layer = folder.path().join("layer.tar");
        fs::write(&layer, "base").unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "content").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o500)).unwrap();
        let image = Image {
            reference: "docker.io/lab/thing:1".into(),
            files: vec![(program, "/usr/bin/thing".into())],
            links: vec![("/usr/bin/alias".into(), "thing".into())],
            entrypoint: vec!["/usr/bin/thing".into()],
        };
        let base_layer = BaseLayer { digest: sha256(b"base"), size: 4, tar: layer };
        let archive = folder.path().join("image.tar");
        image.write(&base_layer, base, &archive).unwrap();
        entries(&fs::read(archive).unwrap())
    }

    fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        found
    }

    #[test]
    fn the_same_files_give_the_same_archive() {
        assert_eq!(written(Base::Known), written(Base::Known));
    }

    #[test]
    fn every_blob_is_named_after_its_content_and_the_index_leads_to_all() {
        let files = written(Base::Inside);
        let text = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
        let index = text("index.json");
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "docker.io/lab/thing:1");
        let path =
            |descriptor: &Value| descriptor["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/");
        let manifest = text(&path(&index["manifests"][0]));
        let config = text(&path(&manifest["config"]));
        for (layer, id) in manifest["layers"]
            .as_array()
            .unwrap()
            .iter()
            .zip(config["rootfs"]["diff_ids"].as_array().unwrap())
        {
            assert_eq!(&layer["digest"], id);
            assert_eq!(path(layer), blob(&sha256(&files[&path(layer)])));
        }
    }

    #[test]
    fn a_layer_the_nodes_have_is_left_out() {
        assert!(written(Base::Inside).contains_key(&blob(&sha256(b"base"))));
        assert!(!written(Base::Known).contains_key(&blob(&sha256(b"base"))));
    }
}
