//! Wishes and clusters that would end badly: each is refused in time, in words that help, and nothing is written.

use std::{fs, path::Path};

use super::{Run, Scenario};
use crate::{
    e2e::{tool::NO, world::World},
    error::{Context as _, Error},
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "refusals",
    about: "broken clusters and wishes are refused before any write, with the exit code and the words for it",
    run: Run::OnCluster(run),
};

/// Exit code: the call itself is wrong.
const USAGE: i32 = 2;
/// Exit code: it failed.
const FAILED: i32 = 3;

/// The call, its exit code, and words of what it says. `$CHART` and `$YES` are filled in.
type Case = (&'static [&'static str], i32, &'static [&'static str]);

/// What needs no preparation.
const CASES: &[Case] = &[
    (&["install", "--target-pod-cidr=10.244.0.0/16", "$CHART", "$YES"], NO, &["CIDR-002", "10.244.0.0/16"]),
    (&["install", "--target-pod-cidr=172.30.0.0/16", "$CHART", "$YES"], NO, &["CIDR-001"]),
    (&["install", "--target-pod-cidr=10.96.0.0/12", "$CHART", "$YES"], NO, &["CIDR-003"]),
    (&["install", "--target-pod-cidr=10.99.0.0/23", "$CHART", "$YES"], NO, &["CIDR-004"]),
    (&["install", "--tunnel-port=8472", "$CHART", "$YES"], NO, &["8472"]),
    (&["install", "--set=kubeProxyReplacement=true", "$CHART", "$YES"], NO, &["kubeProxyReplacement"]),
    (&["install", "--set=ipam.mod=x", "$CHART", "$YES"], USAGE, &["ipam.mod", "ipam.mode"]),
    (&["install", "--cilium-version=1.2.3", "$CHART", "$YES"], USAGE, &["1.2.3"]),
    (&["install", "--cilium-version=1.19.5", "$CHART", "$YES"], USAGE, &["1.19.6", "1.19.5"]),
    (&["install", "$CHART", "--yes=other"], NO, &["other"]),
    (&["install", "$CHART"], USAGE, &["--yes="]),
    (&["install", "--helm-bin=/no/such/helm", "$CHART", "$YES"], NO, &["HELM-001"]),
    (&["install", "--as=nobody", "$CHART", "$YES"], FAILED, &["not allowed"]),
    (&["install", "--no-such-flag"], USAGE, &["--no-such-flag"]),
    (&["status", "--context=elsewhere"], USAGE, &["elsewhere"]),
    (&["node", "n2", "$YES"], NO, &["install"]),
    (&["node", "n9", "$YES"], USAGE, &["n9"]),
    (&["finalize", "$CHART", "$YES"], NO, &["install"]),
    (&["cleanup-flannel", "$YES"], NO, &["journal"]),
    (&["rollback", "n2", "$YES"], NO, &["nothing to undo"]),
    (&["run", "--resume", "$CHART", "$YES"], USAGE, &["no migration was begun"]),
];

fn run(world: &mut World) -> Result<(), Error> {
    for (words, code, says) in CASES {
        refused(world, &words.join(" "), words, *code, says)?;
    }
    a_budget_that_allows_nothing(world)?;
    a_release_that_hangs(world)?;
    journals_of_others(world)
}

/// Runs the call and asserts code, words, and that the administrator wrote nothing meanwhile.
fn refused(world: &mut World, what: &str, words: &[&str], code: i32, says: &[&str]) -> Result<(), Error> {
    let chart = format!("--chart={}", world.cluster.chart().display());
    let yes = format!("--yes={}", world.cluster.name());
    let fill = |word: &&str| match *word {
        "$CHART" => chart.clone(),
        "$YES" => yes.clone(),
        word => word.to_owned(),
    };
    let words: Vec<String> = words.iter().map(fill).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mark = world.audit_mark()?;
    let answer = world.tool(&words)?;
    let silent: Vec<&&str> = says.iter().filter(|says| !answer.output.contains(**says)).collect();
    let right = answer.code == Some(code) && silent.is_empty() && !answer.output.contains("panicked");
    let seen = format!("exit code {:?}: {}", answer.code, answer.output.trim());
    world.checks.that(
        &format!("`{what}` is refused with exit code {code}: {}", says.join(", ")),
        right,
        &seen,
    );
    let written = world.written_since(mark)?;
    world.checks.none(&format!("`{what}` wrote nothing"), &written);
    Ok(())
}

fn a_budget_that_allows_nothing(world: &mut World) -> Result<(), Error> {
    let budget = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: never, namespace: shop}, \
                  spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}}";
    world.apply(budget)?;
    world.kubectl(&[
        "-n",
        "shop",
        "wait",
        "--for=jsonpath={.status.expectedPods}",
        "pdb/never",
        "--timeout=20s",
    ])?;
    refused(
        world,
        "install over a budget of 0",
        &["install", "$CHART", "$YES"],
        NO,
        &["PDB-", "shop/never"],
    )?;
    world.kubectl(&["-n", "shop", "delete", "pdb", "never"]).map(drop)
}

/// A helm that was killed while a hook ran leaves its release pending.
fn a_release_that_hangs(world: &mut World) -> Result<(), Error> {
    let chart = world.folder.join("hangs");
    let templates = chart.join("templates");
    fs::create_dir_all(&templates).at("create", &templates)?;
    write(&chart.join("Chart.yaml"), "{apiVersion: v2, name: cilium, version: 1.19.6}")?;
    let hook = "{apiVersion: v1, kind: Pod, metadata: {name: hangs, annotations: {helm.sh/hook: pre-install}}, \
                spec: {containers: [{name: hangs, image: no.such/image, imagePullPolicy: Never}]}}";
    write(&templates.join("hook.yaml"), hook)?;
    let chart = chart.display().to_string();
    let helm = ["timeout", "--signal=KILL", "6", "helm", "install", "cilium", &chart, "-n", "kube-system"];
    // It is killed; what it left is what counts.
    drop(world.client(helm[0], &helm[1..])?);
    refused(
        world,
        "install over a pending release",
        &["install", "$CHART", "$YES"],
        NO,
        &["pending-install"],
    )?;
    world.kubectl(&["-n", "kube-system", "delete", "secret", "-l", "owner=helm,name=cilium"])?;
    world.kubectl(&["-n", "kube-system", "delete", "pod", "hangs", "--force"]).map(drop)
}

fn journals_of_others(world: &mut World) -> Result<(), Error> {
    let journal = |record: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: cni-migrate-journal, namespace: kube-system}}, \
             data: {{record: '{record}'}}}}"
        )
    };
    let resume = ["run", "--resume", "$CHART", "$YES"];
    let foreign = r#"{"formatVersion": 1, "clusterUid": "another", "intent": {"ciliumVersion": "1.19.6",
        "namespace": "kube-system", "release": "cilium", "podCidr": "10.245.0.0/16", "maskSize": 24,
        "overlay": {"protocol": "vxlan", "port": 8473}, "reboot": "never"}, "sourceNetworks": [],
        "inventory": {"source": "flannel", "objects": [], "namespace": null, "ownerAdvice": null, "residue":
        {"links": [], "bridges": [], "chains": [], "networks": [], "ruleComments": [], "nftTables": [],
        "cniFiles": [], "paths": [], "annotations": []}}}"#;
    world.apply(&journal(&foreign.replace('\n', " ")))?;
    refused(world, "run with another cluster's journal", &resume, NO, &["belongs to another cluster"])?;
    world.apply(&journal("{}"))?;
    refused(
        world,
        "run with a journal edited by hand",
        &resume,
        FAILED,
        &["cni-migrate-journal", "format version"],
    )?;
    world.kubectl(&["-n", "kube-system", "delete", "configmap", "cni-migrate-journal"]).map(drop)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).at("write", path)
}
