//! The Helm chart of Cilium, out of the same Go module as its programs.

use std::path::Path;

use super::cache::{Artefact, Inputs};
use super::go;
use crate::error::Error;
use crate::process;

/// Folder of the chart inside the artefact.
pub(crate) const CHART: &str = "cilium";
/// Chart and program version; go.mod of lab/go/cilium pins the content.
const VERSION: &str = "1.19.6";

/// The artefact with the chart as an unpacked folder.
pub(crate) fn artefact() -> Artefact {
    let hash = Inputs::recipe(1).text(VERSION).finish();
    Artefact { kind: "chart".into(), hash, build: Box::new(build) }
}

fn build(out: &Path) -> Result<(), Error> {
    let source = go::module_folder("cilium", "github.com/cilium/cilium")?.join("install/kubernetes/cilium");
    let chart = out.join(CHART);
    process::output(process::command("cp", ["-r"]).arg(source).arg(&chart))?;
    // The module cache is read-only, and a later `rm` of the cache should just work.
    process::output(process::command("chmod", ["-R", "u+w"]).arg(&chart))?;
    Ok(())
}
