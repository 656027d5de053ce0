//! The one door to YAML: reads as Helm reads, writes what Helm and kubectl read back unchanged.
//!
//! Both read YAML 1.1, where a plain `no` is a boolean and `012` is ten (`docs/adr/0001-yaml-library.md`).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::error::{Error, Result};

/// Reads one document; an empty one is null.
///
/// Legacy octal numbers, YAML 1.1 booleans, merge keys and "the last duplicate wins" are Helm's reading
/// (helm.sh/helm/v3 `chartutil.ReadValues`, sigs.k8s.io/yaml).
///
/// # Errors
/// Text that is no YAML, with line, column and an excerpt.
pub fn read(text: &str) -> Result<Value> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
    };
    serde_saphyr::from_str_with_options::<Option<Value>>(text, options)
        .map(Option::unwrap_or_default)
        .map_err(|error| Error::usage(format!("not valid YAML: {error}")))
}

/// Reads a document that is a list, each entry with the line on which it begins; an empty document is an empty list.
///
/// # Errors
/// Those of [`read`], and a document that is no list.
pub fn read_list(text: &str) -> Result<Vec<(u64, Value)>> {
    let entries: Option<Vec<Spanned<Value>>> = serde_saphyr::from_str(text)
        .map_err(|error| Error::usage(format!("not valid YAML, or no list: {error}")))?;
    Ok(entries.unwrap_or_default().into_iter().map(|entry| (entry.referenced.line(), entry.value)).collect())
}

/// Writes a document; strings that YAML 1.1 would read as something else are quoted.
///
/// # Errors
/// None is known for JSON values; the library's word is passed on.
pub fn write(value: &Value) -> Result<String> {
    serde_saphyr::to_string(value).map_err(|error| Error::failed(format!("cannot write YAML: {error}")))
}

/// JSON that a reader of YAML takes for the same, as Helm reads its values files: what YAML 1.1 has for a line break or
/// refuses as not printable is escaped (go-yaml `readerc.go`, `yamlprivateh.go`).
pub fn json(value: &Value) -> String {
    let text = value.to_string();
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // In JSON these stand within strings only.
        if matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_has_no_line_breaks_that_only_yaml_knows() {
        let value = json!({"a\u{2028}b": "c\u{85}\u{7f}", "é": "😀"});
        let text = super::json(&value);
        assert_eq!(text, r#"{"a\u2028b":"c\u0085\u007f","é":"😀"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn reads_as_helm_reads() {
        let cases = [
            ("yes", json!(true)),
            ("on", json!(true)),
            ("y", json!(true)),
            ("Off", json!(false)),
            ("n", json!(false)),
            ("0644", json!(420)),
            ("012", json!(10)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("1e3", json!(1000.0)),
            ("08", json!(8.0)),
            ("12:30:45", json!("12:30:45")),
            ("2001-12-14", json!("2001-12-14")),
            ("!custom 5", json!(5)),
            ("~", Value::Null),
            ("", Value::Null),
            ("'no'", json!("no")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn merges_keys_and_lets_the_last_duplicate_win() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\ntwice: 1\ntwice: 2\n";
        let tree = read(text).unwrap();
        assert_eq!(tree["use"], json!({"x": 1, "y": 3}));
        assert_eq!(tree["twice"], json!(2));
    }

    #[test]
    fn an_error_shows_the_line() {
        let message = read("cni:\n  customConf: [true\nnext: 1\n").unwrap_err().message;
        assert!(message.contains("line") && message.contains("customConf"), "{message}");
    }

    #[test]
    fn an_alias_bomb_is_an_error() {
        let line = |level: u32| {
            let links = vec![format!("*a{}", level - 1); 10].join(", ");
            format!("a{level}: &a{level} [{links}]")
        };
        let lines: Vec<_> = (1..10).map(line).collect();
        assert!(read(&format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}\n", lines.join("\n"))).is_err());
    }

    #[test]
    fn quotes_what_yaml_1_1_would_change() {
        for text in ["no", "n", "on", "1_000", "2001-12-14", "=", "012", "12:30:45", "", "~", "null", "1e3"] {
            let written = write(&json!({ text: text })).unwrap();
            assert!(
                written.contains(&format!(": \"{text}\"")) || written.contains(&format!(": '{text}'")),
                "{written}"
            );
            assert_eq!(read(&written).unwrap(), json!({ text: text }), "{written}");
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1.0e6..1.0e6f64).prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            "[a-z \n\t:#'\"\\\\-]{0,24}".prop_map(Value::from),
            "(no|yes|on|off|null|~|[0-9_:.xo]{1,8})".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-zA-Z0-9./_ -]{1,12}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in tree()) {
            let written = write(&value).unwrap();
            prop_assert_eq!(read(&written).unwrap(), value, "{}", written);
        }
    }
}
