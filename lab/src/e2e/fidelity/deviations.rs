//! The list of known deviations of the embedded cluster from a real API server, each with its reason.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Difference, script::Script};
use crate::error::Error;

/// One deviation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Words of what the case is about; all of them must be there.
    about: String,
    /// End of the place in the answer, such as `/body/message`; with `*` at the end, the beginning of it.
    place: String,
    /// Why it is so and stays so.
    reason: String,
}

/// All deviations, and which of them were seen.
#[derive(Debug)]
pub(super) struct Deviations {
    all: Vec<Deviation>,
    seen: BTreeSet<usize>,
}

impl Deviations {
    /// Reads `lab/fidelity-deviations.json`.
    ///
    /// # Errors
    /// When it is no list of deviations.
    pub(super) fn read() -> Result<Self, Error> {
        Self::of(include_str!("../../../fidelity-deviations.json"))
    }

    fn of(text: &str) -> Result<Self, Error> {
        let all: Vec<Deviation> = serde_json::from_str(text)
            .map_err(|e| Error::Invalid(format!("fidelity-deviations.json is no list of deviations: {e}")))?;
        if let Some(bare) =
            all.iter().find(|d| d.reason.is_empty() || d.about.is_empty() || d.place.is_empty())
        {
            return Err(Error::Invalid(format!("a deviation lacks its reason, case or place: {bare:?}")));
        }
        Ok(Self { all, seen: BTreeSet::new() })
    }

    /// Whether a difference is listed.
    pub(super) fn covers(&mut self, script: &Script, difference: &Difference) -> bool {
        let about: Vec<&str> = script.about.split(' ').collect();
        let is_it = |d: &Deviation| {
            let place = match d.place.strip_suffix('*') {
                Some(beginning) => difference.place.starts_with(beginning),
                None => difference.place.ends_with(&d.place),
            };
            place && d.about.split(' ').all(|word| about.contains(&word))
        };
        let at = self.all.iter().position(is_it);
        self.seen.extend(at);
        at.is_some()
    }

    /// What is listed and was not seen: it must be taken from the list.
    #[cfg(test)]
    pub(super) fn unseen(&self) -> Vec<String> {
        let unseen = self.all.iter().enumerate().filter(|(at, _)| !self.seen.contains(at));
        unseen.map(|(_, d)| format!("{} at {} ({})", d.about, d.place, d.reason)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_deviation_covers_its_place_only_and_must_occur() {
        let list = r#"[{"about": "list pages", "place": "/message", "reason": "r"}]"#;
        let mut known = Deviations::of(list).unwrap();
        let mut script = Script::new("x".into());
        script.about("list of pages");
        let at =
            |place: &str| Difference { step: 0, place: place.into(), real: Value::Null, sim: Value::Null };
        assert_eq!(known.unseen().len(), 1);
        assert!(!known.covers(&script, &at("/body/code")));
        assert!(known.covers(&script, &at("/body/message")));
        assert!(known.unseen().is_empty());
        assert!(Deviations::of(r#"[{"about": "x", "place": "/y", "reason": ""}]"#).is_err());
    }
}
