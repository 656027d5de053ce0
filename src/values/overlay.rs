//! What the user gives on top: values files and `--set`, merged as Helm merges them.

use serde_json::{Map, Value};

use super::set;
use crate::error::{Error, Result};
use crate::yaml;

/// One values file, or one `--set` or `--set-string`.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    from: String,
    change: Change,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    Merge(Map<String, Value>),
    Set(String, set::Typing),
}

impl Overlay {
    /// A values file by its name and text; an empty one changes nothing.
    ///
    /// # Errors
    /// Text that is not YAML, or not a map.
    pub fn file(name: &str, text: &str) -> Result<Self> {
        let change = match yaml::read(text).map_err(|error| error.context(format!("values file {name}")))? {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            _ => return Err(Error::usage(format!("values file {name}: expected a map of values"))),
        };
        Ok(Self { from: format!("-f {name}"), change: Change::Merge(change) })
    }

    /// `--set`: values are typed as Helm types them.
    pub fn set(expression: &str) -> Self {
        Self { from: "--set".to_owned(), change: Change::Set(expression.to_owned(), set::Typing::Guess) }
    }

    /// `--set-string`: every value is a string.
    pub fn set_string(expression: &str) -> Self {
        Self {
            from: "--set-string".to_owned(),
            change: Change::Set(expression.to_owned(), set::Typing::Text),
        }
    }

    /// The flag, with the file's name where it is a file.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Helm's order of application (pkg/cli/values/options.go `MergeValues`).
    pub(super) fn rank(&self) -> u8 {
        match self.change {
            Change::Merge(_) => 0,
            Change::Set(_, set::Typing::Guess) => 1,
            Change::Set(_, set::Typing::Text) => 2,
        }
    }

    /// Changes the tree.
    pub(super) fn apply(&self, tree: &mut Value) -> Result<()> {
        match (&self.change, tree) {
            (Change::Merge(map), Value::Object(base)) => merge(base, map),
            (Change::Set(expression, typing), Value::Object(base)) => {
                set::apply(base, expression, *typing)
                    .map_err(|error| error.context(format!("{} {expression}", self.from)))?;
            }
            (_, other) => return Err(Error::failed(format!("values must be a map, not {other}"))),
        }
        Ok(())
    }
}

/// Maps are merged key by key, everything else is replaced; a null stays, for Helm to remove the chart's default
/// by (pkg/cli/values/options.go `mergeMaps`).
fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(map)) => merge(inner, map),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merges_as_helm() {
        let mut tree = json!({"a": {"b": 1, "c": [1, 2], "d": {"x": 1}}, "k": 1});
        let text = "a: {c: [3], d: ~, e: yes}\nk: {z: 1}\n";
        Overlay::file("v.yaml", text).unwrap().apply(&mut tree).unwrap();
        assert_eq!(tree, json!({"a": {"b": 1, "c": [3], "d": null, "e": true}, "k": {"z": 1}}));
    }

    #[test]
    fn a_file_must_be_a_map() {
        assert_eq!(Overlay::file("e.yaml", "# nothing\n").unwrap().change, Change::Merge(Map::new()));
        let message = Overlay::file("l.yaml", "- 1\n").unwrap_err().message;
        assert_eq!(message, "values file l.yaml: expected a map of values");
        let message = Overlay::file("b.yaml", "a: [\n").unwrap_err().message;
        assert!(message.starts_with("values file b.yaml: not valid YAML"), "{message}");
    }
}
