//! The man pages, one for each verb, as entries of an archive.

use std::fs;
use std::path::Path;

use crate::archive::Entry;
use crate::error::{Context as _, Error};

/// Writes the pages into a folder that exists, and gives them as entries below `man/man1`, where man(1) looks for them.
///
/// # Errors
/// Where the folder cannot be written or read.
pub(crate) fn entries(folder: &Path) -> Result<Vec<Entry>, Error> {
    clap_mangen::generate_to(cni_migrate::cli::manual(), folder).at("write", folder)?;
    let pages = fs::read_dir(folder).at("list", folder)?;
    let mut pages: Vec<_> =
        pages.map(|entry| Ok(entry.at("list", folder)?.path())).collect::<Result<_, Error>>()?;
    // A folder has no order of its own.
    pages.sort();
    let name = |page: &Path| page.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(pages.iter().map(|page| Entry::new(format!("man/man1/{}", name(page)), page, false)).collect())
}
