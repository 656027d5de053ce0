//! `lab setup`: makes everything a cluster is started from, once, and finds it again.

pub(crate) mod cache;
mod chart;
mod clients;
mod go;
pub(crate) mod image;
mod packages;
pub(crate) mod requirements;
pub(crate) mod rootfs;
mod store;

use std::path::PathBuf;

use cache::{Artefact, Cache};

use crate::error::Error;
use crate::ui::Ui;

/// Makes what is not in the cache yet.
pub(crate) fn run(ui: &Ui) -> Result<(), Error> {
    requirements::check_host()?;
    packages::ensure(ui)?;
    requirements::check_kernel()?;
    let cache = Cache::open()?;
    let _lock = cache.lock()?;
    let plan = Plan::new(&cache)?;
    for artefact in plan.in_order() {
        cache.ensure(artefact, ui)?;
    }
    Ok(())
}

/// All artefacts; names are known before anything is built, because a hash covers the recipe, not the result.
struct Plan {
    rootfs: Artefact,
    programs: Vec<Artefact>,
    helm3: Artefact,
    helm4: Artefact,
    chart: Artefact,
    store: Artefact,
    beside: Vec<Artefact>,
}

impl Plan {
    fn new(cache: &Cache) -> Result<Self, Error> {
        let rootfs = rootfs::artefact();
        let (programs, beside) = (go::artefacts()?, go::artefacts_beside()?);
        let store = store::artefact(cache, &rootfs, &programs);
        let (helm3, helm4) = (clients::helm3(), clients::helm4());
        Ok(Self { rootfs, programs, helm3, helm4, chart: chart::artefact(), store, beside })
    }

    fn in_order(&self) -> impl Iterator<Item = &Artefact> {
        let first = [&self.rootfs, &self.helm3, &self.helm4].into_iter();
        first.chain(&self.programs).chain([&self.chart, &self.store]).chain(&self.beside)
    }
}

/// Finds programs by name in the folders of the Go artefacts.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folders: Vec<PathBuf>,
}

impl Programs {
    fn in_folders(folders: impl Iterator<Item = PathBuf>) -> Self {
        Self { folders: folders.collect() }
    }

    /// The full path of a program.
    pub(crate) fn path(&self, program: &str) -> Result<PathBuf, Error> {
        let mut paths = self.folders.iter().map(|folder| folder.join(program));
        paths.find(|path| path.is_file()).ok_or_else(|| not_set_up(&format!("program {program}")))
    }

    /// All programs with their names.
    pub(crate) fn all(&self) -> Result<Vec<PathBuf>, Error> {
        let folders: Result<Vec<_>, _> = self.folders.iter().map(|folder| cache::sorted(folder)).collect();
        Ok(folders?.concat())
    }
}

/// What `lab setup` left in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Artefacts {
    /// All Go programs.
    pub(crate) programs: Programs,
    /// Folder of the containerd root with all images.
    pub(crate) store: PathBuf,
    /// Folder of the layer that all images share.
    pub(crate) rootfs: PathBuf,
    /// Folder of Cilium's Helm chart.
    pub(crate) chart: PathBuf,
    /// The program Helm 3.
    pub(crate) helm3: PathBuf,
    /// The program Helm 4.
    pub(crate) helm4: PathBuf,
}

impl Artefacts {
    /// Finds everything, or says that `lab setup` is due.
    pub(crate) fn locate() -> Result<Self, Error> {
        let cache = Cache::open()?;
        let plan = Plan::new(&cache)?;
        if let Some(absent) = plan.in_order().find(|artefact| !cache.folder(artefact).is_dir()) {
            return Err(not_set_up(&format!("{} of this version of the lab", absent.kind)));
        }
        let programs = plan.programs.iter().chain(&plan.beside).map(|artefact| cache.folder(artefact));
        Ok(Self {
            programs: Programs::in_folders(programs),
            store: cache.folder(&plan.store).join(store::CONTAINERD_ROOT),
            rootfs: cache.folder(&plan.rootfs),
            chart: cache.folder(&plan.chart).join(chart::CHART),
            helm3: cache.folder(&plan.helm3).join(clients::HELM),
            helm4: cache.folder(&plan.helm4).join(clients::HELM),
        })
    }
}

fn not_set_up(what: &str) -> Error {
    Error::Missing { what: what.to_owned(), remedy: "run `lab setup`".to_owned() }
}
