//! The newest patch release of each Cilium minor when this version of the tool was made.

use super::Minor;

/// Minor and patch (the charts that the tool is tested with).
const NEWEST: [(Minor, u32); 5] = [((1, 20), 0), ((1, 19), 6), ((1, 18), 12), ((1, 17), 18), ((1, 16), 19)];

/// The newest known patch of a minor.
pub fn newest_patch(minor: Minor) -> Option<u32> {
    NEWEST.iter().find(|(known, _)| *known == minor).map(|(_, patch)| *patch)
}

/// The patch number of a released version such as `v1.19.6`; `None` for test releases such as `1.20.0-rc.1`.
pub fn patch_of(version: &str) -> Option<u32> {
    version.split('.').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_those_of_releases() {
        assert_eq!(patch_of("v1.19.6"), Some(6));
        assert_eq!(patch_of("1.20.0-rc.1"), None, "a test release is before the release of that number");
        assert_eq!(newest_patch((1, 18)), Some(12));
        assert_eq!(newest_patch((1, 15)), None);
    }

    #[test]
    fn every_minor_that_is_installed_has_one() {
        assert!(super::super::TARGETS.iter().all(|target| newest_patch(target.minor).is_some()));
    }
}
