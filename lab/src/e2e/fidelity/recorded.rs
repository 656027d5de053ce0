//! Answers of a real API server on file: what the embedded cluster is held against where there is no lab.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

#[cfg(test)]
use flate2::read::GzDecoder;
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::script::Script;
use crate::error::{Context as _, Error};
#[cfg(test)]
use crate::setup::cache::sorted;

/// Where the files lie, one for each recorded seed.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fidelity");
const SUFFIX: &str = ".json.gz";

/// What a real API server answered to the cases of a seed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// Hash of the requests: a record says nothing about others.
    requests: String,
    /// The comparable answers of each case.
    pub(super) answers: Vec<Vec<Value>>,
}

impl Recorded {
    /// A record of answers to cases.
    pub(super) fn new(cases: &[Script], answers: Vec<Vec<Value>>) -> Self {
        Self { requests: fingerprint(cases), answers }
    }

    /// Whether it is about these cases.
    #[cfg(test)]
    pub(super) fn is_of(&self, cases: &[Script]) -> bool {
        self.requests == fingerprint(cases)
    }

    /// Writes the record of a seed; gives its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, seed: u64) -> Result<PathBuf, Error> {
        let path = path(seed);
        let file = File::create(&path).at("create", &path)?;
        let mut packed = GzEncoder::new(file, Compression::best());
        serde_json::to_writer(&mut packed, self).map_err(io::Error::from).at("write", &path)?;
        packed.finish().at("write", &path)?;
        Ok(path)
    }

    /// Reads the record of a seed.
    ///
    /// # Errors
    /// When there is none.
    #[cfg(test)]
    pub(super) fn read(seed: u64) -> Result<Self, Error> {
        let path = path(seed);
        let file = File::open(&path).at("open", &path)?;
        serde_json::from_reader(GzDecoder::new(file)).map_err(io::Error::from).at("read", &path)
    }
}

/// The seeds that are recorded.
///
/// # Errors
/// When their folder cannot be read.
#[cfg(test)]
pub(super) fn seeds() -> Result<Vec<u64>, Error> {
    let folder = Path::new(FOLDER);
    let names = sorted(folder)?;
    let seed =
        |path: PathBuf| path.file_name()?.to_str()?.strip_prefix("seed-")?.strip_suffix(SUFFIX)?.parse().ok();
    Ok(names.into_iter().filter_map(seed).collect())
}

fn path(seed: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("seed-{seed}{SUFFIX}"))
}

fn fingerprint(cases: &[Script]) -> String {
    let mut hash = Sha256::new();
    for step in cases.iter().flat_map(|script| &script.steps) {
        hash.update(step.line());
        hash.update("\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
