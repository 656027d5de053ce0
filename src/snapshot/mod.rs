//! A cluster in a file: what is kept of it, how names are disguised, and the format.
//!
//! `observe` fills it page by page, `sim` plays it back.

mod class;
mod file;
mod kinds;
mod line;
mod project;
mod pseudonym;
mod reduce;
#[cfg(test)]
mod tests;
mod words;

pub use file::{API_VERSION, Answer, Body, Failure, Header, KIND, Objects, Part, Refused, read, write};
pub use kinds::{CILIUM, KINDS, Kind, config_map, presence};
pub use line::Line;
pub use project::Keep;
pub use pseudonym::Pseudonyms;
pub use reduce::{is_reduced, reduce};
