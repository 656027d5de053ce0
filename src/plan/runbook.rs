//! A plan as a runbook for a team's wiki: each part with our command, and beside it the plain kubectl and helm ones.
//!
//! The plain commands are those of Cilium's guide "Migrating a cluster to Cilium".

use serde_json::Value;

use super::build::{Plan, Planned};
use crate::error::Result;
use crate::helm::DEFAULT_REPOSITORY;
use crate::model::{Inventory, MIGRATION_LABEL};
use crate::target::NODE_CONFIG_NAME;
use crate::yaml;

/// The runbook in Markdown; `node_config` is the CiliumNodeConfig that goes with the values.
///
/// # Errors
/// Where an object cannot be written as YAML.
pub fn runbook(plan: &Plan, inventory: &Inventory, node_config: &Value) -> Result<String> {
    let Plan { cluster, source, intent, state_hash, .. } = plan;
    let mut text = format!(
        "# {cluster}: from {source} to Cilium {}\n\n\
         Made for state `{}`; `kubectl cni-migrate run --plan` refuses another one.\n\n\
         All of it: `kubectl cni-migrate run --yes={cluster}`. Part by part:\n\n\
         ## 0. Before\n\n{}",
        intent.cilium_version,
        state_hash.get(..12).unwrap_or(state_hash),
        code(&["kubectl cni-migrate preflight".into(), "kubectl get nodes,pods -A -o wide".into()])
    );
    for (step, number) in plan.steps.iter().zip(1..) {
        let plain = plain(plan, step, inventory, node_config)?;
        text.push_str(&format!(
            "\n## {number}. {}\n\n{}. Why: {}.\n\nWith this tool:\n\n{}\nBy hand:\n\n{}\nUndo: {}.\n",
            title(step),
            capital(&step.does),
            step.why,
            code(&[ours(plan, step)]),
            code(&plain),
            step.undo
        ));
    }
    Ok(text)
}

fn title(step: &Planned) -> String {
    match (step.node(), step.id.as_str()) {
        (Some(node), _) => format!("Node {node}"),
        (None, "install") => "Install Cilium beside the old CNI".to_owned(),
        (None, "finalize") => "Final values".to_owned(),
        (None, _) => "Remove the old CNI".to_owned(),
    }
}

fn ours(plan: &Plan, step: &Planned) -> String {
    let cluster = &plan.cluster;
    match (step.node(), step.id.as_str()) {
        (Some(node), _) => format!("kubectl cni-migrate node {node} --yes={cluster}"),
        (None, "cleanup") => format!("kubectl cni-migrate cleanup-flannel --yes={cluster}"),
        (None, verb) => format!("kubectl cni-migrate {verb} --yes={cluster}"),
    }
}

fn plain(plan: &Plan, step: &Planned, inventory: &Inventory, node_config: &Value) -> Result<Vec<String>> {
    let namespace = &plan.intent.namespace;
    Ok(match (step.node(), step.id.as_str()) {
        (Some(node), _) => by_hand(node, namespace),
        (None, "install") => {
            let manifest = yaml::write(node_config)?;
            vec![
                "kubectl cni-migrate values migration -o yaml > values-migration.yaml".into(),
                helm(plan, "install", "values-migration.yaml"),
                format!("kubectl -n {namespace} rollout status ds/cilium"),
                format!("kubectl apply --server-side -f - <<'END'\n{}\nEND", manifest.trim_end()),
            ]
        }
        (None, "finalize") => vec![
            "kubectl cni-migrate values final -o yaml > values-final.yaml".into(),
            helm(plan, "upgrade", "values-final.yaml"),
            format!("kubectl -n {namespace} rollout restart ds/cilium deployment/cilium-operator"),
            format!("kubectl -n {namespace} rollout status ds/cilium"),
            format!("kubectl -n {namespace} delete ciliumnodeconfig {NODE_CONFIG_NAME}"),
        ],
        (None, _) => deletions(inventory),
    })
}

fn helm(plan: &Plan, verb: &str, values: &str) -> String {
    let intent = &plan.intent;
    format!(
        "helm {verb} {} cilium --repo {DEFAULT_REPOSITORY} --version {} -n {} -f {values}",
        intent.release, intent.cilium_version, intent.namespace
    )
}

fn by_hand(node: &str, namespace: &str) -> Vec<String> {
    let on_node = format!("--field-selector spec.nodeName={node}");
    vec![
        format!("kubectl cordon {node}"),
        format!("kubectl drain {node} --ignore-daemonsets"),
        format!("kubectl label node {node} --overwrite {MIGRATION_LABEL}=true"),
        format!("kubectl -n {namespace} delete pod {on_node} -l k8s-app=cilium"),
        format!("kubectl -n {namespace} rollout status ds/cilium"),
        format!("kubectl get pods -A {on_node} -o wide  # delete those of DaemonSets with an old address"),
        format!("kubectl uncordon {node}  # once new pods of the node were reached from all others"),
    ]
}

fn deletions(inventory: &Inventory) -> Vec<String> {
    let objects = inventory.objects.iter().chain(&inventory.namespace);
    let delete = |object: &crate::model::ObjectRef| {
        let namespace = object.namespace.as_ref().map(|n| format!("-n {n} ")).unwrap_or_default();
        format!("kubectl {namespace}delete {} {}", object.resource, object.name)
    };
    let links = inventory.residue.links.iter().chain(&inventory.residue.bridges);
    let links = links.map(|link| format!("ip link delete {link}  # on every node"));
    let rest = "# on every node: routes, iptables chains, CNI files and state of the old CNI; or reboot it";
    objects.map(delete).chain(links).chain([rest.to_owned()]).collect()
}

fn code(lines: &[String]) -> String {
    format!("```sh\n{}\n```\n", lines.join("\n"))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
