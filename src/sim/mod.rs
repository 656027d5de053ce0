//! The embedded cluster: an API server, controllers, kubelets, Flannel and Cilium in one process, in memory.
//!
//! `rehearse` runs a migration on it in virtual time, tests run the real binary against it over HTTP. Every wait goes
//! through tokio's clock; time stamps follow it, and names and UIDs come from counters, so the same run on a paused
//! clock gives the same bytes.
//!
//! Not modelled: admission webhooks, priorities and preemption, preferred affinity, attaching of volumes, network
//! policies, IPv6, metrics, logs; events are served, and nobody records any. What is not served answers 404 or 501.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod admission;
mod api;
mod builder;
mod clock;
mod cluster;
mod cni;
mod control;
mod defaults;
mod door;
mod faults;
mod fixture;
mod guard;
mod helm;
mod helm_line;
mod host;
mod inside;
pub(crate) mod json;
mod lifecycle;
mod log;
mod named_fault;
mod node;
mod objects;
mod release;
mod replay;
mod resource;
mod restore;
mod sample;
mod schema;
mod selector;
mod status;
mod store;
mod table;
mod timings;
mod validate;
pub(crate) mod value;
mod world;

pub use api::ConnectionReset;
pub use builder::Builder;
pub use cluster::{Sim, SimError};
pub use door::Door;
pub use faults::{Fault, HelmFault, When};
pub use fixture::Workload;
pub use guard::{Rule, Violation};
pub use helm_line::helm;
pub use log::Entry;
pub use named_fault::{FaultKind, NAMED_FAULTS, NamedFault};
pub use node::shell::Outcome as ExecOutcome;
pub use objects::Objects;
pub use replay::replay;
pub use sample::{SAMPLES, Sample};
pub(crate) use store::PodChange;
pub use timings::{Span, Timings};
