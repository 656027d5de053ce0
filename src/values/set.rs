//! Helm's `--set` language: `a.b=1,c={x,y},d[0].e=z` (helm.sh/helm pkg/strvals/parser.go).

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Helm's limit for a list index (`MaxIndex`).
const MAX_INDEX: usize = 65_536;
/// Helm's limit for nesting (`MaxNestedNameLevel`).
const MAX_DEPTH: usize = 30;

/// How the text of a value becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    /// Booleans, null and integers are recognised, all else is text.
    Guess,
    /// Everything is text.
    Text,
}

/// Sets what the expression says in `base`.
pub(super) fn apply(base: &mut Map<String, Value>, expression: &str, typing: Typing) -> Result<()> {
    let mut parser = Parser { rest: expression.chars().peekable(), typing };
    while parser.rest.peek().is_some() {
        parser.key(base, 0)?;
    }
    Ok(())
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    typing: Typing,
}

impl Parser<'_> {
    /// Reads up to one of `stops`, which is consumed; a backslash takes the next character as it is.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(next) = self.rest.next() {
            if stops.contains(&next) {
                return (text, Some(next));
            }
            if next == '\\' {
                text.extend(self.rest.next());
            } else {
                text.push(next);
            }
        }
        (text, None)
    }

    /// One `key=value`, where the key may go deeper.
    fn key(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<()> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            Some('=') => insert(map, key, self.value()?),
            Some('[') => {
                let index = self.index()?;
                let mut list = match map.get(&key) {
                    None => Vec::new(),
                    Some(Value::Array(list)) => list.clone(),
                    Some(_) => return Err(Error::usage(format!("key {key:?} has a value that is no list"))),
                };
                self.item(&mut list, index, depth)?;
                insert(map, key, Value::Array(list));
            }
            Some('.') => {
                let mut inner = match map.get(&key) {
                    None => Map::new(),
                    Some(Value::Object(inner)) => inner.clone(),
                    Some(_) => return Err(Error::usage(format!("key {key:?} has a value that is no map"))),
                };
                self.deeper(&mut inner, depth)?;
                if inner.is_empty() {
                    return Err(Error::usage(format!("key map {key:?} has no value")));
                }
                insert(map, key, Value::Object(inner));
            }
            _ => return Err(Error::usage(format!("key {key:?} has no value"))),
        }
        Ok(())
    }

    fn deeper(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(Error::usage(format!("a key may be {MAX_DEPTH} names deep, not more")));
        }
        self.key(map, depth + 1)
    }

    fn index(&mut self) -> Result<usize> {
        let (text, _) = self.until(&[']']);
        text.parse()
            .ok()
            .filter(|index| *index <= MAX_INDEX)
            .ok_or_else(|| Error::usage(format!("{text:?} is not an index between 0 and {MAX_INDEX}")))
    }

    /// What follows `[index]`: a value, another index, or a key of a map in the list.
    fn item(&mut self, list: &mut Vec<Value>, index: usize, depth: usize) -> Result<()> {
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(Error::usage(format!("unexpected {text:?} after an index")));
        }
        let old = list.get(index).cloned();
        let value = match stop {
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                let mut inner = match old {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => inner,
                    Some(_) => return Err(Error::usage(format!("item {index} of the list is no list"))),
                };
                self.item(&mut inner, next, depth)?;
                Value::Array(inner)
            }
            Some(_) => {
                let mut inner = match old {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                self.deeper(&mut inner, depth)?;
                Value::Object(inner)
            }
            None => return Err(Error::usage(format!("item {index} of the list has no value"))),
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        list[index] = value;
        Ok(())
    }

    /// A value up to the next comma, or a `{list}`.
    fn value(&mut self) -> Result<Value> {
        if self.rest.next_if_eq(&'{').is_none() {
            let (text, _) = self.until(&[',']);
            return Ok(self.typed(text));
        }
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Err(Error::usage("a list must end with '}'"));
            }
            list.push(self.typed(text));
            if stop == Some('}') {
                let _ = self.rest.next_if_eq(&',');
                return Ok(Value::Array(list));
            }
        }
    }

    /// Helm's `typedVal`: a leading zero makes text, since it may be an identifier; so does a fraction.
    fn typed(&self, text: String) -> Value {
        if self.typing == Typing::Text {
            return Value::String(text);
        }
        match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "0" => Value::from(0),
            _ if text.starts_with('0') => Value::String(text),
            _ => text.parse::<i64>().map_or(Value::String(text), Value::from),
        }
    }
}

/// Helm ignores a value without a key.
fn insert(map: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(expression: &str, typing: Typing) -> Result<Value> {
        let mut map = Map::new();
        apply(&mut map, expression, typing).map(|()| Value::Object(map))
    }

    // Every row is what helm 3.16.1 and 4.3.1 answered to `helm template --set`.
    #[test]
    fn says_what_helm_says() {
        let cases = [
            ("a={}", json!({"a": [""]})),
            ("a={,}", json!({"a": ["", ""]})),
            ("a=", json!({"a": ""})),
            ("a=,b=1", json!({"a": "", "b": 1})),
            ("a={x,y},b=2", json!({"a": ["x", "y"], "b": 2})),
            ("a[2]=x", json!({"a": [null, null, "x"]})),
            ("a[0].b=1,a[1].c=2", json!({"a": [{"b": 1}, {"c": 2}]})),
            ("a\\.b=1", json!({"a.b": 1})),
            (
                "a=1.5,b=-5,c=007,d=0,e=TRUE,f=null,g=1e3,h=+5",
                json!({"a": "1.5", "b": -5, "c": "007", "d": 0, "e": true, "f": null, "g": "1e3", "h": 5}),
            ),
            ("a=x\\,y", json!({"a": "x,y"})),
            ("a[0][1]=3", json!({"a": [[null, 3]]})),
            ("=1", json!({})),
            ("", json!({})),
            ("a b=c d", json!({"a b": "c d"})),
            ("a.b.c=1,a.b.d={}", json!({"a": {"b": {"c": 1, "d": [""]}}})),
            ("a={null,1,1.5}", json!({"a": [null, 1, "1.5"]})),
            ("a[0]=1,a[0].b=2", json!({"a": [{"b": 2}]})),
            ("a[0].b=2,a[0]={}", json!({"a": [[""]]})),
            (
                "a=18446744073709551615,b=9223372036854775807,c=0x1F,d=1_000",
                json!({"a": "18446744073709551615", "b": i64::MAX, "c": "0x1F", "d": "1_000"}),
            ),
            ("a=x,", json!({"a": "x"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a={x=1,y}", json!({"a": ["x=1", "y"]})),
            ("a.b[0]=1,a.b[1]=2", json!({"a": {"b": [1, 2]}})),
            ("a={x,y},a[1]=z", json!({"a": ["x", "z"]})),
            ("a\\\\b=1", json!({"a\\b": 1})),
            ("a=\"x\"", json!({"a": "\"x\""})),
            ("a= 1", json!({"a": " 1"})),
        ];
        for (expression, expected) in cases {
            assert_eq!(parse(expression, Typing::Guess).unwrap(), expected, "{expression}");
        }
        let text = parse("a=1,b=true,c={1,2},d=null", Typing::Text).unwrap();
        assert_eq!(text, json!({"a": "1", "b": "true", "c": ["1", "2"], "d": "null"}));
    }

    #[test]
    fn refuses_what_helm_refuses() {
        let deep = format!("{}a=1", "a.".repeat(31));
        let cases = [
            "a",
            "a.b",
            "a=1,a.b=2",
            "a=null,a.b=2",
            "a={1,2",
            "a[x]=1",
            "a[-1]=1",
            "a[0]b=1",
            "a={x}y",
            "a.=1",
            "a=x,,b=1",
            "a={{x},{y}}",
            "a[70000]=1",
            &deep,
        ];
        for expression in cases {
            assert!(parse(expression, Typing::Guess).is_err(), "{expression}");
        }
    }
}
