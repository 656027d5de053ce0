//! Compiles the pages of the checks into the program, for `preflight --explain`: every page in `docs/checks` is one.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).ok_or(io::Error::other(name.to_owned()));
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("docs/checks");
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if let Some(id) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".md")) {
            // The text itself: a build folder that several clones use must not lead into one that is gone.
            pages.push(format!("({id:?}, {:?}),\n", fs::read_to_string(&path)?));
        }
    }
    // The order of a folder is not the same everywhere; that of the program is.
    pages.sort();
    fs::write(Path::new(&variable("OUT_DIR")?).join("pages.rs"), format!("&[\n{}]\n", pages.concat()))?;
    println!("cargo::rerun-if-changed=docs/checks");
    Ok(())
}
