//! Clusters that come with the program, for those who have none at hand: one file and one line each.

mod shop;

use super::builder::Builder;

/// A cluster that comes with the program.
pub struct Sample {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Describes it.
    pub build: fn() -> Builder,
}

/// All samples; the first is the default.
pub const SAMPLES: &[Sample] = &[shop::SAMPLE];
