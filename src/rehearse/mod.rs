//! The whole migration on an embedded cluster in virtual time: one play for each seed, and the forecast made of them.
//!
//! A play runs the engine of a real run. Nothing in here knows what the story is: the caller brings it.

mod forecast;
mod gaps;
mod listener;
mod play;
mod render;
mod writes;

pub use forecast::{Forecast, forecast};
pub use play::{Play, Script, play_all};
pub use render::{markdown, text};
pub use writes::Write;
