//! What each Cilium minor needs and calls things: data, no questions asked to any cluster.
//!
//! A new minor is one line in [`TARGETS`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod agent;
mod distribution;
mod ipsec;
mod keys;
mod node_config;
mod patches;
mod unlisted;

pub use agent::{AGENT_CONFIG_DIR, CNI_DIR, CNI_FILE};
pub use distribution::{Distribution, Fit};
pub use ipsec::{IPSEC_KEY_BYTES, IPSEC_SECRET, ipsec_key};
pub use keys::{Dialect, effect, expected_agent_config, expected_operator_config, retired};
pub use node_config::{NODE_CONFIG_NAME, NodeConfig};
pub use patches::{newest_patch, patch_of};
pub use unlisted::unlisted;

use crate::error::{Error, Result};

/// Major and minor of a version.
pub type Minor = (u32, u32);

/// A Cilium minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The minor.
    pub minor: Minor,
    /// Oldest kernel (Documentation/operations/system_requirements.rst); the agent itself does not enforce it.
    pub kernel: Minor,
    /// Oldest minor of RHEL 8 whose 4.18 kernel counts as new enough, for the backports in it (same document).
    pub rhel8: u32,
    /// Oldest and newest Kubernetes that Cilium tests (Documentation/network/kubernetes/compatibility.rst).
    pub tested_kubernetes: (Minor, Minor),
    /// Oldest Kubernetes that the chart installs on (`kubeVersion` in Chart.yaml).
    pub oldest_kubernetes: Minor,
    /// What its chart calls things.
    pub dialect: &'static Dialect,
}

/// UDP port of Cilium's WireGuard; it cannot be changed (Documentation/operations/system_requirements.rst).
pub const WIREGUARD_PORT: u16 = 51871;

/// The kernel that WireGuard is part of since (Documentation/security/network/encryption-wireguard.rst).
pub const WIREGUARD_KERNEL: Minor = (5, 6);

/// The minors that the tool installs, newest first.
pub const TARGETS: &[Target] = &[
    Target {
        minor: (1, 20),
        kernel: (5, 10),
        rhel8: 10,
        tested_kubernetes: ((1, 33), (1, 36)),
        oldest_kubernetes: (1, 21),
        dialect: &keys::CILIUM_1_20,
    },
    Target {
        minor: (1, 19),
        kernel: (5, 10),
        rhel8: 10,
        tested_kubernetes: ((1, 31), (1, 34)),
        oldest_kubernetes: (1, 21),
        dialect: &keys::CILIUM_1_19,
    },
    Target {
        minor: (1, 18),
        kernel: (5, 10),
        rhel8: 6,
        tested_kubernetes: ((1, 30), (1, 33)),
        oldest_kubernetes: (1, 21),
        dialect: &keys::CILIUM_1_18,
    },
    Target {
        minor: (1, 17),
        kernel: (5, 4),
        rhel8: 6,
        tested_kubernetes: ((1, 29), (1, 32)),
        oldest_kubernetes: (1, 21),
        dialect: &keys::CILIUM_1_17,
    },
    Target {
        minor: (1, 16),
        kernel: (5, 4),
        rhel8: 6,
        tested_kubernetes: ((1, 27), (1, 30)),
        oldest_kubernetes: (1, 21),
        dialect: &keys::CILIUM_1_16,
    },
];

/// How well a Kubernetes version goes with a Cilium minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Cilium tests the pair.
    Tested,
    /// The chart installs, but Cilium does not test the pair.
    Untested,
    /// The chart refuses to install.
    Refused,
}

impl Target {
    /// The minor that a version such as `1.19.6` or `v1.20.0` belongs to.
    ///
    /// # Errors
    /// A version of a minor that the tool does not know.
    pub fn of(version: &str) -> Result<&'static Self> {
        let minor = minor_of(version);
        TARGETS.iter().find(|target| Some(target.minor) == minor).ok_or_else(|| {
            let known: Vec<_> =
                TARGETS.iter().map(|target| format!("{}.{}", target.minor.0, target.minor.1)).collect();
            Error::usage(format!("Cilium version {version:?} is not one that this tool can install"))
                .hint(format!("give a patch release of one of {}", known.join(", ")))
        })
    }

    /// Whether a kernel release such as `5.15.0-89-generic` is new enough; `None` where it cannot be read.
    pub fn accepts_kernel(&self, release: &str) -> Option<bool> {
        let kernel = minor_of(release)?;
        Some(kernel >= self.kernel || (kernel == (4, 18) && rhel8_minor(release) >= Some(self.rhel8)))
    }

    /// How well a Kubernetes minor goes with this Cilium.
    pub fn supports(&self, kubernetes: Minor) -> Support {
        let (oldest, newest) = self.tested_kubernetes;
        if kubernetes < self.oldest_kubernetes {
            Support::Refused
        } else if (oldest..=newest).contains(&kubernetes) {
            Support::Tested
        } else {
            Support::Untested
        }
    }
}

/// Major and minor at the head of a version, with or without a `v`.
pub fn minor_of(version: &str) -> Option<Minor> {
    let mut parts = version.strip_prefix('v').unwrap_or(version).split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The minor of RHEL 8 in a kernel release such as `4.18.0-553.el8_10.x86_64`.
fn rhel8_minor(release: &str) -> Option<u32> {
    let digits = release.split_once(".el8_")?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_minors() {
        assert_eq!(Target::of("1.19.6").unwrap().minor, (1, 19));
        assert_eq!(Target::of("v1.20.0-rc.1").unwrap().minor, (1, 20));
        for (version, minor) in [("1.16.19", 16), ("1.17.18", 17), ("1.18.12", 18)] {
            assert_eq!(Target::of(version).unwrap().minor, (1, minor));
        }
        for version in ["1.15.3", "1.21.0", "1.2", "2.0.0", "latest", ""] {
            let hint = &Target::of(version).unwrap_err().hints[0];
            assert_eq!(hint, "give a patch release of one of 1.20, 1.19, 1.18, 1.17, 1.16", "{version}");
        }
    }

    #[test]
    fn older_minors_take_older_kernels() {
        let accepts = |version: &str, kernel| Target::of(version).unwrap().accepts_kernel(kernel);
        assert_eq!(accepts("1.17.18", "5.4.0-150-generic"), Some(true));
        assert_eq!(accepts("1.18.12", "5.4.0-150-generic"), Some(false));
        assert_eq!(accepts("1.18.12", "4.18.0-372.el8_6.x86_64"), Some(true));
    }

    #[test]
    fn judges_kernels() {
        let target = Target::of("1.19.6").unwrap();
        let cases = [
            ("5.10.0", Some(true)),
            ("6.8.0-1021-aws", Some(true)),
            ("5.4.0-150-generic", Some(false)),
            ("5.9.16", Some(false)),
            ("4.18.0-553.el8_10.x86_64", Some(true)),
            ("4.18.0-477.el8_8.x86_64", Some(false)),
            ("4.18.0-generic", Some(false)),
            ("unknown", None),
        ];
        for (release, expected) in cases {
            assert_eq!(target.accepts_kernel(release), expected, "{release}");
        }
    }

    #[test]
    fn judges_kubernetes() {
        let target = Target::of("1.19.6").unwrap();
        let cases = [
            ((1, 20), Support::Refused),
            ((1, 30), Support::Untested),
            ((1, 31), Support::Tested),
            ((1, 34), Support::Tested),
            ((1, 35), Support::Untested),
        ];
        for (minor, expected) in cases {
            assert_eq!(target.supports(minor), expected, "{minor:?}");
        }
    }
}
