//! The embedded cluster: an API server, controllers, kubelets, Flannel and Cilium in one process, in memory.
//!
//! `rehearse` runs a migration on it in virtual time, tests run the real binary against it over HTTP. Every wait goes
//! through tokio's clock; time stamps follow it, and names and UIDs come from counters, so the same run on a paused
//! clock gives the same bytes.
//!
//! Not modelled: admission webhooks, resource requests, volumes and their nodes, priorities and preemption, taint
//! eviction after five minutes, network policies, IPv6, events, metrics, logs. What is not served answers 404 or 501.

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
mod helm;
mod helm_line;
mod inside;
mod json;
mod lifecycle;
mod log;
mod node;
mod resource;
mod sample;
mod schema;
mod selector;
mod status;
mod store;
mod validate;
mod world;

pub use api::ConnectionReset;
pub use builder::Builder;
pub use cluster::{Sim, SimError};
pub use door::Door;
pub use faults::{Fault, HelmFault, When};
pub use fixture::Workload;
pub use helm_line::helm;
pub use log::Entry;
pub use node::shell::Outcome as ExecOutcome;
pub use sample::{SAMPLES, Sample};
pub use store::PodChange;
pub use world::Timings;
