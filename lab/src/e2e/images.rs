//! The two images that are made of this very build: the traffic meter and the tool's probe.

use std::{env, path::Path};

use crate::{
    cluster::Cluster,
    error::{Context as _, Error},
    setup::image::Image,
    ui::Ui,
};

/// The image of the traffic meter and of the servers of the workloads.
const METER: &str = "docker.io/lab/meter:dev";

/// The image of the tool's own pods.
pub(crate) const PROBE: &str = "docker.io/lab/cni-migrate:dev";

/// Brings both images to every node.
///
/// # Errors
/// When an image cannot be made or imported.
pub(crate) fn import(cluster: &Cluster, tool: &Path, ui: &Ui) -> Result<(), Error> {
    let lab = env::current_exe().at("find the program of", Path::new("lab"))?;
    let images = [
        image(METER, &lab, "/usr/local/bin/lab", &["meter"]),
        image(PROBE, tool, "/usr/local/bin/kubectl-cni_migrate", &[]),
    ];
    let folder = tempfile::tempdir().at("create a scratch folder in", &env::temp_dir())?;
    for image in images {
        let archive = folder.path().join("image.tar");
        ui.step(&format!("image {}", image.reference), || {
            cluster.write_image(&image, &archive)?;
            cluster.import_image(&archive)
        })?;
    }
    Ok(())
}

fn image(reference: &str, program: &Path, path: &str, arguments: &[&str]) -> Image {
    let entrypoint = [path].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    Image {
        reference: reference.to_owned(),
        files: vec![(program.to_owned(), path.to_owned())],
        links: Vec::new(),
        entrypoint,
    }
}
