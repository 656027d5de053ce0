//! The pages of `docs/checks`, inside the program: `preflight --explain` works without a checkout and without a net.

use crate::error::{Error, Result};

/// Identifier and text, ordered by identifier; `build.rs` lists them.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Identifiers of all pages.
pub fn ids() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(id, _)| *id)
}

/// The page of a check; the case of the identifier does not matter.
///
/// # Errors
/// Usage, with the nearest identifier and all of them, where there is no such check.
pub fn page(id: &str) -> Result<&'static str> {
    let found = PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(id));
    found.map(|(_, text)| *text).ok_or_else(|| unknown(id))
}

/// The error for an identifier that is none.
pub(super) fn unknown(id: &str) -> Error {
    let wanted = id.to_ascii_uppercase();
    let nearest = ids().min_by_key(|known| strsim::damerau_levenshtein(known, &wanted)).unwrap_or_default();
    Error::usage(format!("there is no check \"{id}\"; the nearest is {nearest}"))
        .hint(format!("checks: {}", ids().collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CHECKS;

    #[test]
    fn every_check_has_its_page_in_the_program() {
        let mut checks: Vec<_> = CHECKS.iter().map(|check| check.id()).collect();
        checks.sort_unstable();
        assert_eq!(ids().collect::<Vec<_>>(), checks);
        for check in CHECKS {
            let page = page(&check.id().to_lowercase()).unwrap_or_else(|e| panic!("{e}"));
            assert!(page.starts_with(&format!("# {}: {}\n", check.id(), check.title())), "{page}");
        }
    }

    #[test]
    fn an_unknown_identifier_is_told_the_nearest_one_and_all() {
        let error = page("pbd-1").expect_err("no such check");
        assert_eq!(error.message, "there is no check \"pbd-1\"; the nearest is PDB-001");
        assert!(error.hints[0].contains("ARCH-001, ") && error.hints[0].contains("SOURCE-001"));
    }
}
