//! Clusters that come with the program: API objects as a snapshot of a real one would have them. One more sample is one
//! file and one line in [`SAMPLES`].

mod busy;
mod shop;
mod site;
mod stuck;

use crate::sim::Objects;

use super::cluster::SimError;

/// A cluster that comes with the program.
#[derive(Debug)]
pub struct Sample {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: &'static str,
    /// Its objects, for [`super::Builder::from_objects`].
    ///
    /// # Errors
    /// None that a user could cause: the tests build every sample.
    pub build: fn() -> Result<Objects, SimError>,
}

/// All samples, the default first.
pub const SAMPLES: &[Sample] = &[
    Sample {
        name: "shop",
        title: "a small shop on 4 nodes: a web tier, a database, a queue, and budgets that fit",
        build: shop::objects,
    },
    Sample {
        name: "busy",
        title: "12 nodes and about 200 pods: two tiers, tight budgets, volumes, host ports, a running Job",
        build: busy::objects,
    },
    Sample {
        name: "stuck",
        title: "cannot be migrated as it is: a budget without room, pods under two budgets, a bare pod",
        build: stuck::objects,
    },
];
