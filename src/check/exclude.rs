//! Findings that somebody answers for: a file says which, why and until when.
//!
//! An excluded finding stays in the report with its reason. An exclusion that is over or that nothing needs any more
//! becomes a finding itself, so that the file does not outlive its reasons.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CHECKS, Finding, Level, pages};
use crate::error::{Error, Result};
use crate::yaml;

/// Identifier of the findings about exclusions.
const ID: &str = "EXCLUDE";

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exclusion {
    /// The check.
    #[serde(skip)]
    pub id: &'static str,
    /// The finding's subject; `None` is every finding of the check.
    #[serde(skip)]
    pub subject: Option<String>,
    /// Why the finding does not count.
    pub reason: String,
    /// Last day on which it holds, in UTC.
    pub until: Date,
    /// File and line, as `exclude.yaml:7`.
    #[serde(rename = "from")]
    pub place: String,
}

/// A finding, and the exclusion that takes it out of the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// As the check found it.
    pub finding: Finding,
    /// Why it does not count.
    pub exclusion: Option<Exclusion>,
}

impl Judged {
    /// How bad it is; `None` where it is excluded.
    pub fn level(&self) -> Option<Level> {
        self.exclusion.is_none().then_some(self.finding.result)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    subject: Option<String>,
    reason: String,
    until: String,
}

/// Reads a file of exclusions: a YAML list with `id`, `reason`, `until` and optionally `subject`.
///
/// # Errors
/// Usage, with the file, the line and what was expected there.
pub fn exclusions(file: &str, text: &str) -> Result<Vec<Exclusion>> {
    let entries = yaml::read_list(text).map_err(|e| e.context(file))?;
    entries.into_iter().map(|(line, entry)| exclusion(format!("{file}:{line}"), entry)).collect()
}

fn exclusion(place: String, entry: Value) -> Result<Exclusion> {
    let wrong = |why: String| {
        Error::usage(format!("{place}: {why}")).hint(
            "an exclusion is: {id: PDB-001, subject: shop/web, reason: why it does not count, until: 2030-12-31}; \
             subject may be left out",
        )
    };
    let entry: Entry = serde_json::from_value(entry).map_err(|e| wrong(e.to_string()))?;
    let id = CHECKS.iter().map(|check| check.id()).find(|id| *id == entry.id);
    let id = id.ok_or_else(|| pages::unknown(&entry.id).context(&place))?;
    if entry.reason.trim().is_empty() {
        return Err(wrong("the reason is empty".into()));
    }
    let until = entry
        .until
        .parse()
        .map_err(|_| wrong(format!("until: \"{}\" is not a date; write it as 2030-12-31", entry.until)))?;
    Ok(Exclusion { id, subject: entry.subject, reason: entry.reason, until, place })
}

impl Exclusion {
    fn is_for(&self, finding: &Finding) -> bool {
        finding.result != Level::Ok
            && finding.id == self.id
            && self.subject.as_ref().is_none_or(|subject| *subject == finding.subject)
    }

    fn complaint(&self, message: String, hint: String) -> Judged {
        let subject = self.subject.as_ref().map_or_else(String::new, |subject| format!(" {subject}"));
        let subject = format!("{}{subject}", self.id);
        let finding = Finding { id: ID, result: Level::Warning, subject, message, hint };
        Judged { finding, exclusion: None }
    }
}

/// The findings with their exclusions, and what is wrong with the exclusions themselves.
pub fn judge(findings: Vec<Finding>, exclusions: &[Exclusion], today: Date) -> Vec<Judged> {
    let holds = |exclusion: &Exclusion| exclusion.until >= today;
    let complaints: Vec<_> =
        exclusions.iter().filter_map(|exclusion| complain(exclusion, &findings, holds(exclusion))).collect();
    let judged = findings.into_iter().map(|finding| {
        let exclusion = exclusions.iter().find(|e| holds(e) && e.is_for(&finding)).cloned();
        Judged { finding, exclusion }
    });
    judged.chain(complaints).collect()
}

fn complain(exclusion: &Exclusion, findings: &[Finding], holds: bool) -> Option<Judged> {
    let Exclusion { until, reason, place, .. } = exclusion;
    if !holds {
        let message = format!("the exclusion ended on {until} and does not count any more ({reason})");
        return Some(exclusion.complaint(message, format!("solve it, or decide anew: {place}")));
    }
    if findings.iter().any(|finding| exclusion.is_for(finding)) {
        return None;
    }
    let message = "the exclusion is not used: there is no such finding".to_owned();
    Some(exclusion.complaint(message, format!("remove it, or correct its subject: {place}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Ours\n- id: PDB-001\n  subject: shop/web\n  reason: scaled on Monday\n  until: 2026-06-30\n\
                        - {id: DNS-001, reason: one replica is fine, until: 2026-06-30}\n";

    fn finding(id: &'static str, result: Level, subject: &str) -> Finding {
        Finding { id, result, subject: subject.into(), message: "m".into(), hint: String::new() }
    }

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn an_exclusion_takes_out_its_findings_through_its_last_day() {
        let list = exclusions("x.yaml", FILE).expect("exclusions");
        let findings = vec![
            finding("PDB-001", Level::Blocker, "shop/web"),
            finding("PDB-001", Level::Blocker, "shop/db"),
            finding("DNS-001", Level::Warning, "coredns"),
        ];
        let judged = judge(findings.clone(), &list, day("2026-06-30"));
        let levels: Vec<_> = judged.iter().map(Judged::level).collect();
        assert_eq!(levels, [None, Some(Level::Blocker), None]);
        assert_eq!(judged[2].exclusion.as_ref().expect("excluded").place, "x.yaml:6");

        let after = judge(findings, &list, day("2026-07-01"));
        let levels: Vec<_> = after.iter().filter_map(Judged::level).collect();
        assert_eq!(levels[..3], [Level::Blocker, Level::Blocker, Level::Warning]);
        assert!(after[3].finding.message.contains("ended on 2026-06-30"), "{after:?}");
        assert_eq!((after[4].finding.id, after[4].finding.subject.as_str()), ("EXCLUDE", "DNS-001"));
    }

    #[test]
    fn an_exclusion_without_a_finding_is_a_finding() {
        let list = exclusions("x.yaml", FILE).expect("exclusions");
        let judged = judge(vec![finding("PDB-001", Level::Ok, "shop/web")], &list[..1], day("2026-01-01"));
        assert_eq!(judged.len(), 2);
        assert_eq!(judged[1].finding.result, Level::Warning);
        assert!(
            judged[1].finding.message.contains("not used") && judged[1].finding.hint.contains("x.yaml:2")
        );
    }

    #[test]
    fn what_is_malformed_is_named_by_file_and_line() {
        for (text, words) in [
            ("- {id: PDB-001, until: 2026-06-30}", "x.yaml:1: missing field `reason`"),
            ("\n\n- {id: PDB-001, reason: r}", "x.yaml:3: missing field `until`"),
            ("- {id: PDB-001, reason: r, until: soon}", "x.yaml:1: until: \"soon\" is not a date"),
            ("- {id: PDB-001, reason: ' ', until: 2026-06-30}", "x.yaml:1: the reason is empty"),
            ("- {id: PDB-01, reason: r, until: 2026-06-30}", "x.yaml:1: there is no check \"PDB-01\""),
            ("- {id: PDB-001, reason: r, untill: 2026-06-30}", "x.yaml:1: unknown field `untill`"),
            ("- [a]", "x.yaml:1: invalid"),
            ("id: PDB-001", "x.yaml: not valid YAML, or no list"),
            ("- {id: [", "x.yaml: not valid YAML, or no list"),
        ] {
            let error = exclusions("x.yaml", text).expect_err(text);
            assert!(error.message.starts_with(words), "{text}: {}", error.message);
        }
        assert_eq!(exclusions("x.yaml", "").expect("an empty file"), []);
    }
}
