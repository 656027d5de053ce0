//! Command lines for helm, as pure functions of what is wanted and of helm's version.

use std::path::Path;

use super::{Chart, Flavour, Job};

/// What is done to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Install,
    Upgrade,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
        }
    }
}

pub(super) fn version() -> Vec<String> {
    owned(["version", "--template", "{{.Version}}"])
}

/// Lists the one release in any status: absence is an empty list, which tells more than `helm status` failing.
pub(super) fn list(flavour: Flavour, name: &str, namespace: &str) -> Vec<String> {
    // A release name may have dots, which the filter takes for a pattern.
    let filter = format!("^{}$", name.replace('.', "\\."));
    let mut args = owned(["list", "--namespace", namespace, "--filter", &filter, "--output", "json"]);
    if flavour.list_wants_all() {
        args.push("--all".to_owned());
    }
    args
}

pub(super) fn get_values(name: &str, namespace: &str) -> Vec<String> {
    owned(["get", "values", name, "--namespace", namespace, "--output", "json"])
}

/// Prints the `Chart.yaml` of a chart, wherever it is.
pub(super) fn show_chart(job: &Job) -> Vec<String> {
    let mut args = owned(["show", "chart"]);
    args.extend(chart(job));
    args
}

/// Prints the `values.yaml` of a chart, wherever it is.
pub(super) fn show_values(job: &Job) -> Vec<String> {
    let mut args = owned(["show", "values"]);
    args.extend(chart(job));
    args
}

/// Renders the objects of a release for that version of Kubernetes; asks no cluster.
pub(super) fn template(job: &Job, kubernetes: &str, values: &Path) -> Vec<String> {
    let mut args = owned(["template", &job.release]);
    args.extend(chart(job));
    let values = values.to_string_lossy();
    args.extend(owned(["--namespace", &job.namespace, "--kube-version", kubernetes, "--values", &values]));
    args
}

/// A chart; one at a path has the version that it has.
fn chart(job: &Job) -> Vec<String> {
    match &job.chart {
        Chart::Path(chart) => owned([chart]),
        Chart::Oci(chart) => owned([chart, "--version", &job.version]),
        Chart::Repository { url, name } => owned([name, "--repo", url, "--version", &job.version]),
    }
}

/// Installs or upgrades, without `--wait`: the tool's own waits know which pods must not be ready yet.
pub(super) fn apply(verb: Verb, flavour: Flavour, job: &Job, values: &Path) -> Vec<String> {
    let mut args = owned([verb.name(), &job.release]);
    args.extend(chart(job));
    args.extend(owned(["--namespace", &job.namespace, "--values", &values.to_string_lossy()]));
    match verb {
        // Server-side apply would make helm own fields of which the agents and the operator change some;
        // upgrades follow what the first revision did.
        Verb::Install if flavour.server_side_by_default() => args.push("--server-side=false".to_owned()),
        Verb::Install => {}
        // Without it helm would fall back to the old revision's values where none are given.
        Verb::Upgrade => args.push("--reset-values".to_owned()),
    }
    if job.dry_run {
        args.extend(owned(["--dry-run=server", "--hide-secret"]));
    }
    let timeout = format!("{}s", job.timeout.as_secs());
    args.extend(owned(["--timeout", &timeout, "--output", "json"]));
    args
}

fn owned<const N: usize>(args: [&str; N]) -> Vec<String> {
    args.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn job(chart: &str) -> Job {
        Job {
            release: "cilium".to_owned(),
            namespace: "kube-system".to_owned(),
            chart: Chart::parse(chart, "https://helm.cilium.io"),
            version: "1.19.6".to_owned(),
            values: json!({}),
            dry_run: false,
            timeout: Duration::from_secs(300),
        }
    }

    fn line(verb: Verb, version: &str, job: &Job) -> String {
        apply(verb, Flavour::parse(version).unwrap(), job, Path::new("v.json")).join(" ")
    }

    #[test]
    fn installs() {
        let common = "--namespace kube-system --values v.json";
        let job = job("cilium/cilium");
        let chart = "install cilium cilium --repo https://helm.cilium.io --version 1.19.6";
        assert_eq!(
            line(Verb::Install, "v3.16.1", &job),
            format!("{chart} {common} --timeout 300s --output json")
        );
        assert_eq!(
            line(Verb::Install, "v4.1.4", &job),
            format!("{chart} {common} --server-side=false --timeout 300s --output json")
        );
    }

    #[test]
    fn upgrades() {
        let mut job = job("./cilium-1.19.6.tgz");
        job.dry_run = true;
        let expected = "upgrade cilium ./cilium-1.19.6.tgz --namespace kube-system --values v.json --reset-values \
                        --dry-run=server --hide-secret --timeout 300s --output json";
        assert_eq!(line(Verb::Upgrade, "v3.17.2", &job), expected);
        assert_eq!(line(Verb::Upgrade, "v4.3.1", &job), expected);
    }

    #[test]
    fn names_a_registry_with_a_version() {
        let args = line(Verb::Upgrade, "v4.3.1", &job("oci://r.example/cilium"));
        assert!(
            args.starts_with("upgrade cilium oci://r.example/cilium --version 1.19.6 --namespace"),
            "{args}"
        );
    }

    #[test]
    fn looks_at_charts_without_a_cluster() {
        let named = job("cilium/cilium");
        let chart = "cilium --repo https://helm.cilium.io --version 1.19.6";
        assert_eq!(show_values(&named).join(" "), format!("show values {chart}"));
        assert_eq!(show_chart(&named).join(" "), format!("show chart {chart}"));
        assert_eq!(
            template(&job("./c.tgz"), "v1.34.2", Path::new("v.json")).join(" "),
            "template cilium ./c.tgz --namespace kube-system --kube-version v1.34.2 --values v.json"
        );
    }

    #[test]
    fn lists_every_status_in_each_version() {
        let list = |version| list(Flavour::parse(version).unwrap(), "my.rel", "ns").join(" ");
        assert_eq!(list("v3.16.1"), "list --namespace ns --filter ^my\\.rel$ --output json --all");
        assert_eq!(list("v4.3.1"), "list --namespace ns --filter ^my\\.rel$ --output json");
    }
}
