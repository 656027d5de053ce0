//! Which helm this is: flags differ between versions 3 and 4.

use std::fmt;

use crate::error::{Error, Result};

/// A version of helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flavour {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Flavour {
    /// The oldest helm that the tool's flags were run with.
    pub(super) const OLDEST: Self = Self { major: 3, minor: 16, patch: 0 };

    /// Reads a version such as `v3.17.2` or `v4.1.4+gabc`.
    ///
    /// # Errors
    /// No version, one that is too old, and a major that nobody has seen yet.
    pub fn parse(version: &str) -> Result<Self> {
        let flavour = numbers(version).ok_or_else(|| {
            Error::helm(format!("helm says its version is {version:?}, expected one like v3.17.2"))
        })?;
        if flavour < Self::OLDEST {
            return Err(Error::helm(format!(
                "helm {flavour} is too old, expected {} or newer",
                Self::OLDEST
            ))
            .hint("install a newer helm, or name one with --helm-bin"));
        }
        if flavour.major > 4 {
            return Err(Error::helm(format!("helm {flavour} is newer than this tool, expected helm 3 or 4"))
                .hint("name a helm 3 or 4 with --helm-bin, or take a newer release of this tool"));
        }
        Ok(flavour)
    }

    /// Whether `helm list` hides releases that are neither deployed nor failed unless told `--all`; 4 shows all
    /// and does not know the flag.
    pub(super) fn list_wants_all(self) -> bool {
        self.major == 3
    }

    /// Whether helm applies on the server side unless told otherwise.
    pub(super) fn server_side_by_default(self) -> bool {
        self.major >= 4
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn numbers(version: &str) -> Option<Flavour> {
    let core = version.strip_prefix('v').unwrap_or(version).split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    let flavour =
        Flavour { major: parts.next()?.ok()?, minor: parts.next()?.ok()?, patch: parts.next()?.ok()? };
    parts.next().is_none().then_some(flavour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_and_their_differences() {
        let cases = [("v3.16.1", true), ("v3.17.2+g1234", true), ("v4.1.4", false), ("4.3.1-rc.1", false)];
        for (version, three) in cases {
            let flavour = Flavour::parse(version).unwrap();
            assert_eq!(flavour.list_wants_all(), three, "{version}");
            assert_eq!(flavour.server_side_by_default(), !three, "{version}");
        }
    }

    #[test]
    fn refuses_what_it_was_not_run_with() {
        let cases = [
            ("v3.15.4", "helm 3.15.4 is too old, expected 3.16.0 or newer"),
            ("v2.17.0", "too old"),
            ("v5.0.0", "newer than this tool"),
            ("v3.16", "expected one like v3.17.2"),
            ("", "expected one like v3.17.2"),
        ];
        for (version, part) in cases {
            let message = Flavour::parse(version).unwrap_err().message;
            assert!(message.contains(part), "{version}: {message}");
        }
    }
}
