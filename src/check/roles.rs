//! The roles that carry rights: a ClusterRole, a Role in each namespace, and their bindings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Right;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Who is to have the rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A ServiceAccount, by namespace and name.
    ServiceAccount(String, String),
}

impl Subject {
    fn object(&self) -> Value {
        match self {
            Self::User(name) => json!({"apiGroup": GROUP, "kind": "User", "name": name}),
            Self::Group(name) => json!({"apiGroup": GROUP, "kind": "Group", "name": name}),
            Self::ServiceAccount(namespace, name) => {
                json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
            }
        }
    }
}

/// Roles of that name with exactly these rights, and bindings where there are subjects.
pub fn roles(name: &str, rights: &[Right], subjects: &[Subject]) -> Vec<Value> {
    let mut places: BTreeMap<Option<&str>, Vec<&Right>> = BTreeMap::new();
    for right in rights {
        places.entry(right.namespace.as_deref()).or_default().push(right);
    }
    let subjects: Vec<Value> = subjects.iter().map(Subject::object).collect();
    let mut objects = Vec::new();
    for (namespace, rights) in places {
        let object = |kind: &str, content: Value| {
            let kind = if namespace.is_none() { format!("Cluster{kind}") } else { kind.to_owned() };
            let mut metadata =
                json!({"name": name, "labels": {"app.kubernetes.io/managed-by": "kubectl-cni-migrate"}});
            if let Some(namespace) = namespace {
                metadata["namespace"] = json!(namespace);
            }
            let mut object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata});
            if let (Some(fields), Value::Object(content)) = (object.as_object_mut(), content) {
                fields.extend(content);
            }
            object
        };
        let role = object("Role", json!({"rules": rules(&rights)}));
        let reference = json!({"apiGroup": GROUP, "kind": role["kind"], "name": name});
        objects.push(role);
        if !subjects.is_empty() {
            objects.push(object("RoleBinding", json!({"roleRef": reference, "subjects": subjects})));
        }
    }
    objects
}

/// As few rules as say the same: verbs of a resource together, then names, then resources.
fn rules(rights: &[&Right]) -> Vec<Value> {
    type Verbs<'a> = BTreeSet<&'a str>;
    let mut verbs: BTreeMap<(&str, &str, Option<&str>), Verbs> = BTreeMap::new();
    for right in rights {
        verbs.entry((&right.group, &right.resource, right.name.as_deref())).or_default().insert(&right.verb);
    }
    let mut names: BTreeMap<(&str, &str, Verbs, bool), BTreeSet<&str>> = BTreeMap::new();
    for ((group, resource, name), verbs) in verbs {
        names.entry((group, resource, verbs, name.is_some())).or_default().extend(name);
    }
    let mut resources: BTreeMap<(&str, BTreeSet<&str>, Verbs), BTreeSet<&str>> = BTreeMap::new();
    for ((group, resource, verbs, _), names) in names {
        resources.entry((group, names, verbs)).or_default().insert(resource);
    }
    let rule = |((group, names, verbs), resources): ((&str, BTreeSet<&str>, Verbs), BTreeSet<&str>)| {
        let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        rule
    };
    resources.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_become_few_rules_that_say_the_same() {
        let right = |verb: &str, resource: &str, namespace: Option<&str>, name: Option<&str>| Right {
            name: name.map(str::to_owned),
            ..Right::new(verb, "", resource, namespace)
        };
        let rights = [
            right("list", "pods", None, None),
            right("list", "nodes", None, None),
            right("get", "nodes", None, None),
            right("get", "configmaps", Some("s"), Some("b")),
            right("get", "configmaps", Some("s"), Some("a")),
            right("create", "configmaps", Some("s"), None),
        ];
        let objects = roles("r", &rights, &[Subject::User("jane".into())]);
        let kinds: Vec<_> = objects.iter().map(|o| o["kind"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]);
        let cluster = json!([
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        ]);
        assert_eq!(objects[0]["rules"], cluster);
        let inside = json!([
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a", "b"]},
        ]);
        assert_eq!(objects[2]["rules"], inside);
        assert_eq!(objects[2]["metadata"]["namespace"], "s");
        assert_eq!(objects[3]["roleRef"]["kind"], "Role");
        assert_eq!(objects[3]["subjects"][0]["name"], "jane");
    }
}
