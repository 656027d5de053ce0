//! The names of the ConfigMaps that the journal is kept in: a head, and parts that hold what is about nodes.
//!
//! They are a fixed set, because RBAC can name objects but no beginnings of names: a role that allows the parts then
//! allows no other ConfigMap of `kube-system` (`ResourceNameMatches` in Kubernetes' `pkg/apis/rbac/v1`).

/// Name of the journal's head.
pub const JOURNAL: &str = "cni-migrate-journal";

/// How many parts there can be, numbered from 1.
pub const JOURNAL_PARTS: usize = 100;

/// The name of a part; of number 0 that of the head.
pub fn journal_document(number: usize) -> String {
    if number == 0 { JOURNAL.to_owned() } else { format!("{JOURNAL}-{number:03}") }
}

/// Whether a ConfigMap of `kube-system` is one of the journal's, by its name.
pub fn is_of_the_journal(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(JOURNAL) else { return false };
    let number = rest.strip_prefix('-').and_then(|digits| digits.parse().ok());
    rest.is_empty() || number.is_some_and(|n| (1..=JOURNAL_PARTS).contains(&n) && journal_document(n) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_knows_its_own() {
        assert_eq!(journal_document(0), "cni-migrate-journal");
        assert_eq!(journal_document(7), "cni-migrate-journal-007");
        assert!((0..=JOURNAL_PARTS).all(|number| is_of_the_journal(&journal_document(number))));
        for other in
            ["cni-migrate", "cni-migrate-journals", "cni-migrate-journal-7", "cni-migrate-journal-000"]
        {
            assert!(!is_of_the_journal(other), "{other}");
        }
        assert!(
            !is_of_the_journal("cni-migrate-journal-101") && !is_of_the_journal("cni-migrate-journal-+01")
        );
    }
}
