//! The few bodies that kubectl sends as protobuf, read into JSON: typed clients of Kubernetes prefer it
//! (`client-go`, `PrefersProtobuf`), while everything that comes from files is JSON.
//!
//! Field numbers are those of `generated.proto` in `k8s.io/api` and `k8s.io/apimachinery` (1.36).

use base64::prelude::*;

use crate::sim::value::{Value, json};

/// Before the envelope, `runtime.Unknown` (`apimachinery/pkg/runtime/serializer/protobuf`).
const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
enum Type {
    Text,
    Texts,
    Flag,
    Number,
    /// Text by text.
    Map,
    /// Bytes by text; base64 in JSON.
    Bytes,
    Object(&'static [Field]),
    /// Set by the server alone.
    Skipped,
}

/// Number in the message, name in JSON, type.
type Field = (u64, &'static str, Type);

const META: &[Field] = &[
    (1, "name", Type::Text),
    (2, "generateName", Type::Text),
    (3, "namespace", Type::Text),
    (4, "selfLink", Type::Skipped),
    (5, "uid", Type::Text),
    (6, "resourceVersion", Type::Text),
    (7, "generation", Type::Skipped),
    (8, "creationTimestamp", Type::Skipped),
    (11, "labels", Type::Map),
    (12, "annotations", Type::Map),
    (14, "finalizers", Type::Texts),
];

const ATTRIBUTES: &[Field] = &[
    (1, "namespace", Type::Text),
    (2, "verb", Type::Text),
    (3, "group", Type::Text),
    (4, "version", Type::Text),
    (5, "resource", Type::Text),
    (6, "subresource", Type::Text),
    (7, "name", Type::Text),
];

/// Kinds, and the fields of their messages.
const KINDS: &[(&str, &[Field])] = &[
    (
        "Namespace",
        &[
            (1, "metadata", Type::Object(META)),
            (2, "spec", Type::Object(&[(1, "finalizers", Type::Texts)])),
            (3, "status", Type::Skipped),
        ],
    ),
    (
        "ConfigMap",
        &[(1, "metadata", Type::Object(META)), (2, "data", Type::Map), (4, "immutable", Type::Flag)],
    ),
    (
        "Secret",
        &[
            (1, "metadata", Type::Object(META)),
            (2, "data", Type::Bytes),
            (3, "type", Type::Text),
            (4, "stringData", Type::Map),
            (5, "immutable", Type::Flag),
        ],
    ),
    (
        "DeleteOptions",
        &[
            (1, "gracePeriodSeconds", Type::Number),
            (2, "preconditions", Type::Object(&[(1, "uid", Type::Text), (2, "resourceVersion", Type::Text)])),
            (3, "orphanDependents", Type::Flag),
            (4, "propagationPolicy", Type::Text),
            (5, "dryRun", Type::Texts),
        ],
    ),
    (
        "SelfSubjectAccessReview",
        &[
            (1, "metadata", Type::Object(META)),
            (
                2,
                "spec",
                Type::Object(&[
                    (1, "resourceAttributes", Type::Object(ATTRIBUTES)),
                    (
                        2,
                        "nonResourceAttributes",
                        Type::Object(&[(1, "path", Type::Text), (2, "verb", Type::Text)]),
                    ),
                ]),
            ),
            (3, "status", Type::Skipped),
        ],
    ),
    (
        "SelfSubjectRulesReview",
        &[
            (1, "metadata", Type::Object(META)),
            (2, "spec", Type::Object(&[(1, "namespace", Type::Text)])),
            (3, "status", Type::Skipped),
        ],
    ),
];

/// A body as JSON.
///
/// # Errors
/// What stands in the way: no protobuf of Kubernetes, another kind, a field that is not known here.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = body.strip_prefix(MAGIC).ok_or("the body is no protobuf of Kubernetes")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, payload) in fields(envelope)? {
        match (number, payload) {
            (1, Payload::Bytes(types)) => {
                for (number, payload) in fields(types)? {
                    match number {
                        1 => version = payload.text()?,
                        2 => kind = payload.text()?,
                        _ => {}
                    }
                }
            }
            (2, Payload::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let known = KINDS.iter().find(|(name, _)| *name == kind).ok_or_else(|| {
        format!("the embedded cluster reads {kind} as JSON only: write it to a file and use kubectl apply -f")
    })?;
    let mut value = object(raw, known.1)?;
    value["apiVersion"] = json!(version);
    value["kind"] = json!(kind);
    Ok(value)
}

/// A value on the wire.
enum Payload<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

impl Payload<'_> {
    fn text(&self) -> Result<String, String> {
        match self {
            Self::Bytes(bytes) => {
                String::from_utf8(bytes.to_vec()).map_err(|_| "text that is no UTF-8".into())
            }
            Self::Number(_) => Err("a number in the place of text".into()),
        }
    }
}

/// Numbers and values of a message's fields, in their order.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Payload<'_>)>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let payload = match key & 7 {
            0 => Payload::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).unwrap_or(usize::MAX);
                let (taken, rest) = bytes.split_at_checked(length).ok_or("the body ends within a field")?;
                bytes = rest;
                Payload::Bytes(taken)
            }
            other => return Err(format!("wire type {other} is not known")),
        };
        found.push((key >> 3, payload));
    }
    Ok(found)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("the body ends within a number")?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number of more than 64 bits".into())
}

fn object(bytes: &[u8], known: &[Field]) -> Result<Value, String> {
    let mut object = json!({});
    for (number, payload) in fields(bytes)? {
        let field = known.iter().find(|(n, ..)| *n == number);
        let (_, name, kind) =
            field.ok_or_else(|| format!("field {number} is not known to the embedded cluster"))?;
        match (kind, &payload) {
            (Type::Skipped, _) => {}
            (Type::Text, _) => {
                // Go writes fields that are empty, too.
                let text = payload.text()?;
                if !text.is_empty() {
                    object[name] = json!(text);
                }
            }
            (Type::Texts, _) => push(&mut object[name], json!(payload.text()?)),
            (Type::Flag, Payload::Number(number)) => object[name] = json!(*number != 0),
            // Negative numbers come as their two's complement.
            (Type::Number, Payload::Number(number)) => object[name] = json!(number.cast_signed()),
            (Type::Map, Payload::Bytes(entry)) => {
                let (key, value) = pair(entry)?;
                object[name][&key] = json!(Payload::Bytes(value).text()?);
            }
            (Type::Bytes, Payload::Bytes(entry)) => {
                let (key, value) = pair(entry)?;
                object[name][&key] = json!(BASE64_STANDARD.encode(value));
            }
            (Type::Object(fields), Payload::Bytes(inner)) => object[name] = self::object(inner, fields)?,
            _ => return Err(format!("{name} is of another type")),
        }
    }
    Ok(object)
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

/// An entry of a map.
fn pair(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for (number, payload) in fields(bytes)? {
        match (number, payload) {
            (1, payload) => key = payload.text()?,
            (2, Payload::Bytes(bytes)) => value = bytes,
            _ => return Err("an entry of a map is more than key and value".into()),
        }
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes, on the wire.
    fn put(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[number << 3 | 2, length], content].concat()
    }

    fn body(kind: &str, message: &[u8]) -> Vec<u8> {
        let types = [put(1, b"v1"), put(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), put(1, &types), put(2, message), put(3, b""), put(4, b"")].concat()
    }

    #[test]
    fn a_config_map_of_a_typed_client_is_read_without_what_is_empty() {
        let meta = [
            put(1, b"limits"),
            put(2, b""),
            put(8, b""),
            put(11, &[put(1, b"app"), put(2, b"shop")].concat()),
        ];
        let entry = |key: &[u8], value: &[u8]| put(2, &[put(1, key), put(2, value)].concat());
        let message = [put(1, &meta.concat()), entry(b"a", b"1"), entry(b"b", b""), vec![4 << 3, 1]].concat();
        let read = decode(&body("ConfigMap", &message));
        let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "data": {"a": "1", "b": ""},
            "metadata": {"name": "limits", "labels": {"app": "shop"}}});
        assert_eq!(read, Ok(wanted));
    }

    #[test]
    fn bytes_are_base64_and_a_number_of_zero_is_one() {
        let data = put(2, &[put(1, b"release"), put(2, &[0, 255])].concat());
        let options = decode(&body("DeleteOptions", &[1 << 3, 0, 4 << 3 | 2, 0])).unwrap();
        assert_eq!(
            (&options["gracePeriodSeconds"], &options["propagationPolicy"]),
            (&json!(0), &Value::Null)
        );
        let read = decode(&body("Secret", &[data, put(3, b"Opaque")].concat())).unwrap();
        assert_eq!((&read["data"]["release"], &read["type"]), (&json!("AP8="), &json!("Opaque")));
    }

    #[test]
    fn other_kinds_unknown_fields_and_torn_bodies_are_refused() {
        assert!(decode(&body("Pod", b"")).unwrap_err().contains("reads Pod as JSON only"));
        assert!(decode(&body("ConfigMap", &put(9, b"x"))).unwrap_err().contains("field 9"));
        assert!(decode(&body("ConfigMap", &[10, 5, 1])).unwrap_err().contains("ends within"));
        assert!(decode(b"{}").is_err());
    }
}
