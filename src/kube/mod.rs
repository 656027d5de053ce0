//! The way to the API server: settings, three clients, reading, writing, exec, and what a refusal means.
//!
//! Requests are raw paths with projected answers: a pod of this tool's needs a twentieth of the bytes of a Pod.
//! [`Reader`] cannot write; only `act` (and the journal) hold a [`Writer`], which takes a [`WriteKey`] to make.

mod advice;
mod clock;
mod exec;
mod page;
mod read;
mod settings;
mod status;
mod wait;
mod watch;
mod write;

pub use clock::Clock;
pub use exec::{ExecOutput, NodeAccess, PodExec};
pub use read::{PAGE, Reader, Selection};
pub use settings::{Connection, Impersonation, Settings, WriteKey, connect, embedded};
pub use status::{Refusal, explain, refusal, said};
pub use wait::{Poll, pause, until, until_told};
pub use watch::Watch;
pub use write::{Delete, Writer};
