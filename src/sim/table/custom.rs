//! Tables of custom resources: the columns that their definition adds
//! (`apiextensions-apiserver/pkg/registry/customresource/tableconvertor`).

use crate::sim::value::{Value, json};

use super::cells::{age, since};
use crate::sim::clock::Clock;
use crate::sim::json::{int, name, text};

/// The columns, as a table tells them, from `additionalPrinterColumns`; `plain` are those of a kind that has a name and
/// an age only.
pub(super) fn columns(added: &[Value], plain: &[Value]) -> Vec<Value> {
    let column = |column: &Value| {
        let path = text(column, "/jsonPath");
        let description = match text(column, "/description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            given => given.to_owned(),
        };
        json!({"name": column["name"], "type": column["type"], "format": text(column, "/format"),
            "description": description, "priority": int(column, "/priority")})
    };
    let mut all: Vec<Value> = plain.iter().take(1).cloned().collect();
    if added.is_empty() {
        all.extend(plain.get(1).map(|age| {
            let mut age = age.clone();
            age["type"] = json!("date");
            age
        }));
    }
    all.extend(added.iter().map(column));
    all
}

/// The cells of an object.
pub(super) fn cells(added: &[Value], object: &Value, clock: &Clock) -> Vec<Value> {
    let mut cells = vec![json!(name(object))];
    if added.is_empty() {
        cells.push(age(object, clock));
    }
    cells.extend(added.iter().map(|column| cell(column, object, clock)));
    cells
}

fn cell(column: &Value, object: &Value, clock: &Clock) -> Value {
    let Some(found) = find(object, text(column, "/jsonPath")) else { return Value::Null };
    match (text(column, "/type"), found) {
        ("date", Value::String(_)) => json!(since(&json!({"at": found}), "/at", clock)),
        ("string", Value::String(text)) => json!(text),
        ("string", other) => json!(other.to_string()),
        ("integer", Value::Number(number)) => json!(number.as_i64()),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => found.clone(),
        _ => Value::Null,
    }
}

/// The first value at a path of members, items by number or all of them, and items chosen by a member's text:
/// `.status.conditions[?(@.type=="Ready")].status`. A path with more than that leads nowhere.
fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let Some(rest) = path.strip_prefix('.').or_else(|| path.strip_prefix('[').map(|_| path)) else {
        return path.is_empty().then_some(object);
    };
    if let Some(rest) = rest.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']')?;
        return find(item(object, inside)?, rest);
    }
    let (member, rest) = member(rest)?;
    find(object.get(&member)?, rest)
}

/// The name of a member, in which `\.` is a point, and what follows it.
fn member(path: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = path.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?.1),
            '.' | '[' => return Some((name, &path[at..])),
            other => name.push(other),
        }
    }
    (!name.is_empty()).then_some((name, ""))
}

fn item<'a>(value: &'a Value, inside: &str) -> Option<&'a Value> {
    if let Some(quoted) = inside.strip_prefix('\'').and_then(|i| i.strip_suffix('\'')) {
        return value.get(&quoted.replace("\\.", "."));
    }
    let items = value.as_array()?;
    if inside == "*" {
        return items.first();
    }
    if let Some(condition) = inside.strip_prefix("?(@.").and_then(|i| i.strip_suffix(')')) {
        let (member, wanted) = condition.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return items.iter().find(|i| i.get(member.trim()).and_then(Value::as_str) == Some(wanted));
    }
    let at: usize = inside.parse().ok()?;
    items.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_members_items_and_conditions() {
        let object = json!({"spec": {"a.b": "dotted", "list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "Up", "status": "True"}, {"type": "Ready", "status": "False"}]}});
        for (path, wanted) in [
            (".spec.list[1].n", json!(2)),
            (".spec.list[*].n", json!(1)),
            (r".spec.a\.b", json!("dotted")),
            (".spec['a.b']", json!("dotted")),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!("False")),
        ] {
            assert_eq!(find(&object, path), Some(&wanted), "{path}");
        }
        assert_eq!(find(&object, ".spec.none.deep"), None);
    }
}
