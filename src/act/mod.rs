//! The only writer: an engine that runs steps, and one file for each effect.
//!
//! Each step is intended in the journal, done, checked by observing again, and harmless to repeat.

mod cleanup;
mod cordon;
mod cover;
mod drain;
mod dry_run;
mod engine;
mod finalize;
mod helper;
mod install;
mod ipsec;
mod migrate;
mod peers;
mod reboot;
mod restart;
mod rollback;
mod rollout;
mod stopwatch;
mod sweep;
mod switch;

pub use cover::Cover;
pub use engine::{Cancel, Engine, Options};
pub use install::Installation;
pub use peers::Peers;
