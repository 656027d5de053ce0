//! `kubectl cni-migrate`: moves a live cluster to Cilium node by node, and proves it.
//!
//! Data flows one way (`docs/architecture.md`):
//!
//! ```text
//! cli -> settings -> observe ==> model ==> check | plan ==> act ==> verify ==> report -> ui
//!        kubeconfig  reads only  pure      pure        the only   reads +    pure      the only
//!        helm binary API, helm                         writer     probes               printer
//! ```

pub mod act;
pub mod agent;
pub mod check;
pub mod cli;
pub mod ctx;
pub mod drain;
pub mod error;
pub mod event;
pub mod exit;
pub mod helm;
pub mod journal;
pub mod kube;
pub mod model;
pub mod observe;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod sim;
pub mod snapshot;
pub mod source;
pub mod target;
pub mod ui;
pub mod values;
pub mod verify;
pub mod wish;
pub mod yaml;

/// A large cluster in memory is millions of small pieces that come and go (`docs/adr/0008-allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
