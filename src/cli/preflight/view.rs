//! What preflight found, as a text, a page for a wiki, an object for machines, and a report for CI.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::check::{CHECKS, Judged, Level};
use crate::cli::look::Scene;
use crate::error::Result;
use crate::report::{self, Case, Verdict, count};
use crate::source::Detection;

const COLUMNS: [&str; 4] = ["RESULT", "ID", "SUBJECT", "FINDING"];

/// Findings and what they are about.
pub(super) struct View<'a> {
    pub(super) scene: &'a Scene,
    pub(super) judged: Vec<Judged>,
    /// From which result on the answer is no.
    pub(super) fail_on: Level,
}

impl View<'_> {
    /// Whether the answer is no.
    pub(super) fn fails(&self) -> bool {
        let unread = self.fail_on <= Level::Unknown && !self.scene.snapshot.unknown.is_empty();
        unread || self.judged.iter().any(|j| self.counts(j))
    }

    fn counts(&self, judged: &Judged) -> bool {
        judged.level().is_some_and(|level| level >= self.fail_on)
    }

    /// The worst first, what is excluded last but for what is fine.
    fn sorted(&self) -> Vec<&Judged> {
        let mut sorted: Vec<_> = self.judged.iter().collect();
        sorted.sort_by_key(|j| Reverse((j.level().unwrap_or(Level::Ok), j.exclusion.is_some())));
        sorted
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row =
            |j: &&Judged| vec![result(j), j.finding.id.to_owned(), j.finding.subject.clone(), message(j)];
        self.sorted().iter().map(row).collect()
    }

    fn to_do(&self) -> Vec<&Judged> {
        let open = |j: &&Judged| j.level().is_some_and(|l| l != Level::Ok) && !j.finding.hint.is_empty();
        self.sorted().into_iter().filter(open).collect()
    }

    fn summary(&self) -> String {
        let with = |level| self.judged.iter().filter(|j| j.level() == Some(level)).count();
        let excluded = self.judged.iter().filter(|j| j.exclusion.is_some()).count();
        let excluded = if excluded == 0 { String::new() } else { format!(", {excluded} excluded") };
        format!(
            "{}, {}, {} info, {} ok, {} unknown{excluded}",
            count(with(Level::Blocker), "blocker"),
            count(with(Level::Warning), "warning"),
            with(Level::Info),
            with(Level::Ok),
            with(Level::Unknown) + self.scene.snapshot.unknown.len(),
        )
    }

    fn source(&self) -> String {
        match &self.scene.detection {
            Detection::One { source, parameters, .. } => format!("{} {parameters}", source.id()),
            _ => "not clear".into(),
        }
    }

    /// What it is about: in one line where there is room for it.
    fn head(&self, columns: Option<usize>) -> String {
        let (snapshot, intent) = (&self.scene.snapshot, &self.scene.intent);
        let (nodes, pods) = (count(snapshot.nodes.len(), "node"), count(snapshot.pods.len(), "pod"));
        let parts = [
            format!("CLUSTER  {}  {}  {nodes}  {pods}", snapshot.cluster.name, snapshot.cluster.version),
            format!("SOURCE  {}", self.source()),
            format!("TARGET  cilium {} {}", intent.cilium_version, intent.pod_cidr),
        ];
        let line = parts.join("     ");
        let has_room = columns.is_none_or(|columns| line.chars().count() <= columns);
        if has_room { line } else { parts.join("\n") }
    }

    /// For people, at a terminal of so many columns.
    pub(super) fn text(&self, columns: Option<usize>) -> String {
        let snapshot = &self.scene.snapshot;
        let mut text = self.head(columns) + "\n\n";
        for (by, evidence) in evidence(&self.scene.detection) {
            text.push_str(&format!("evidence  {by}: {evidence}\n"));
        }
        text.push('\n');
        text.push_str(&report::table_within(columns, &COLUMNS, &self.rows()));
        for j in self.to_do() {
            text.push_str(&format!("\n{} {}: {}", j.finding.id, j.finding.subject, j.finding.hint));
        }
        for (what, why) in &snapshot.unknown {
            text.push_str(&format!("\nunknown: {what} could not be read: {why}"));
        }
        text + &format!("\n{}\n", self.summary())
    }

    /// For a wiki.
    pub(super) fn markdown(&self) -> String {
        let (snapshot, intent) = (&self.scene.snapshot, &self.scene.intent);
        let facts = [
            ("Cluster", format!("{} {}", snapshot.cluster.name, snapshot.cluster.version)),
            (
                "Size",
                format!("{}, {}", count(snapshot.nodes.len(), "node"), count(snapshot.pods.len(), "pod")),
            ),
            ("Source", self.source()),
            ("Target", format!("cilium {} {}", intent.cilium_version, intent.pod_cidr)),
            ("Result", self.summary()),
        ];
        let facts: Vec<_> = facts.into_iter().map(|(what, is)| vec![what.to_owned(), is]).collect();
        let mut text = format!(
            "# Preflight of {}\n\n{}\n{}",
            snapshot.cluster.name,
            report::markdown(&["What", "Is"], &facts),
            report::markdown(&["Result", "Check", "Subject", "Finding"], &self.rows()),
        );
        let to_do: Vec<_> = self
            .to_do()
            .iter()
            .map(|j| format!("- {} {}: {}\n", j.finding.id, j.finding.subject, j.finding.hint))
            .chain(snapshot.unknown.iter().map(|(what, why)| format!("- {what} could not be read: {why}\n")))
            .collect();
        if !to_do.is_empty() {
            text.push_str(&format!("\n## To do\n\n{}", to_do.concat()));
        }
        text
    }

    /// For CI: a case for each check, for what is wrong with exclusions, and for each thing that could not be read.
    pub(super) fn junit(&self) -> Result<String> {
        let mut cases: Vec<Case> = CHECKS
            .iter()
            .map(|c| (c.id(), format!("{} {}", c.id(), c.title())))
            .chain([("EXCLUDE", "EXCLUDE every exclusion is in force and needed".to_owned())])
            .filter_map(|(id, name)| self.case(id, name))
            .collect();
        cases.extend(self.scene.snapshot.unknown.iter().map(|(what, why)| Case {
            name: format!("{what} can be read"),
            verdict: if self.fail_on <= Level::Unknown { Verdict::Failed } else { Verdict::Skipped },
            text: why.clone(),
        }));
        report::junit("preflight", &cases)
    }

    fn case(&self, id: &str, name: String) -> Option<Case> {
        let found: Vec<_> = self.sorted().into_iter().filter(|j| j.finding.id == id).collect();
        let verdict = if found.iter().any(|j| self.counts(j)) {
            Verdict::Failed
        } else if found.iter().any(|j| j.level() == Some(Level::Unknown)) {
            Verdict::Skipped
        } else {
            Verdict::Passed
        };
        let line = |j: &&Judged| {
            let hint =
                if j.finding.hint.is_empty() { String::new() } else { format!(" -> {}", j.finding.hint) };
            format!("{} {}: {}{hint}", result(j), j.finding.subject, message(j))
        };
        let text = found.iter().map(line).collect::<Vec<_>>().join("\n");
        (!found.is_empty()).then_some(Case { name, verdict, text })
    }

    /// For machines.
    pub(super) fn machine(&self) -> Result<Value> {
        let Scene { snapshot, detection, intent, .. } = self.scene;
        let evidence: Vec<_> =
            evidence(detection).into_iter().map(|(by, says)| json!({"source": by, "says": says})).collect();
        let unknown: Vec<_> =
            snapshot.unknown.iter().map(|(what, why)| json!({"what": what, "why": why})).collect();
        let content = json!({
            "cluster": {"name": snapshot.cluster.name, "uid": snapshot.cluster.uid,
                        "version": snapshot.cluster.version},
            "source": detection.one().map(|(source, parameters)| json!({"id": source.id(), "parameters": parameters})),
            "evidence": evidence,
            "target": intent,
            "findings": self.judged.iter().map(object).collect::<Vec<_>>(),
            "unknown": unknown,
        });
        report::object("PreflightReport", &content)
    }
}

fn result(judged: &Judged) -> String {
    judged.level().map_or_else(|| "excluded".to_owned(), |level| level.to_string())
}

fn message(judged: &Judged) -> String {
    match &judged.exclusion {
        None => judged.finding.message.clone(),
        Some(e) => format!(
            "{}: {}; excluded until {}: {}",
            judged.finding.result, judged.finding.message, e.until, e.reason
        ),
    }
}

/// A finding; an excluded one also says what it would be, and why it is not.
fn object(judged: &Judged) -> Value {
    let mut object = json!(judged.finding);
    if let Some(exclusion) = &judged.exclusion {
        object["result"] = json!("excluded");
        object["excludedResult"] = json!(judged.finding.result);
        object["exclusion"] = json!(exclusion);
    }
    object
}

fn evidence(detection: &Detection) -> Vec<(String, String)> {
    match detection {
        Detection::One { source, evidence, .. } | Detection::Unreadable { source, evidence, .. } => {
            evidence.iter().map(|e| (source.id().to_owned(), e.to_string())).collect()
        }
        Detection::None { seen: claims } | Detection::Contradiction { claims } => {
            claims.iter().flat_map(|c| c.evidence.iter().map(|e| (c.by.clone(), e.to_string()))).collect()
        }
    }
}
